"""A task lasts as long as its context."""

import asyncio

import pytest

from exporter.runtime.tasks import running


async def test_task_ends_with_its_context() -> None:
    """It has its name, runs meanwhile, and has ended when the context is left."""
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with running(work(), name="some-work"):
        await asyncio.sleep(0)
        assert "some-work" in {task.get_name() for task in asyncio.all_tasks()}
        assert not ended.is_set()

    assert ended.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_task_ends_with_an_error_of_its_context() -> None:
    """An error inside of the context leaves no task behind."""
    with pytest.raises(ValueError, match="inside"):
        async with running(asyncio.Event().wait(), name="some-work"):  # type: ignore[arg-type]
            raise ValueError("inside")

    assert asyncio.all_tasks() == {asyncio.current_task()}
