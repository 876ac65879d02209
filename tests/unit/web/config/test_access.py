"""Who is let in, and what every answer carries: the real routes' forms, over a handler that says "served"."""

from __future__ import annotations

import base64
import time
from typing import Any

import bcrypt
import pytest
from aiohttp import web

from exporter.web.config.access import AccessControl, Refusal
from exporter.web.config.model import RateLimit, WebConfig
from exporter.web.config.rate_limit import TokenBucket

HASH = bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture
def serve(aiohttp_client: Any) -> Any:
    """Start a client of a server that a configuration governs; returns both."""

    async def start(config: WebConfig) -> Any:
        async def served(_: web.Request) -> web.Response:
            return web.Response(text="served", headers={"Content-Security-Policy": "the page's own"})

        app = web.Application()
        app.add_routes([web.get("/", served)])
        access = AccessControl(config, None, clock=time.monotonic)
        access.install(app)

        async def close(_: web.Application) -> None:
            await access.close()

        app.on_cleanup.append(close)
        return await aiohttp_client(app), access

    return start


def basic(text: str) -> dict[str, str]:
    """The header for a user and a password."""
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


async def test_without_users_nobody_is_asked(serve: Any) -> None:
    client, access = await serve(WebConfig())

    assert (await client.get("/")).status == 200
    assert not access.refusals


@pytest.mark.parametrize(
    ("headers", "status", "refusal"),
    [
        ({}, 401, Refusal.NO_PASSWORD),
        ({"Authorization": "Bearer x"}, 401, Refusal.NO_PASSWORD),
        ({"Authorization": "Basic !"}, 401, Refusal.NO_PASSWORD),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, 401, Refusal.NO_PASSWORD),
        (basic("no colon"), 401, Refusal.NO_PASSWORD),
        (basic("alice:wrong"), 401, Refusal.WRONG_PASSWORD),
        (basic("nobody:pässword"), 401, Refusal.WRONG_PASSWORD),
        (basic("alice:pässword"), 200, None),
    ],
)
async def test_a_password_is_needed(serve: Any, headers: dict[str, str], status: int, refusal: Refusal | None) -> None:
    client, access = await serve(WebConfig(users={"alice": HASH}))

    response = await client.get("/", headers=headers)

    assert response.status == status
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
    assert dict(access.refusals) == ({} if refusal is None else {refusal: 1})


async def test_paths_that_do_not_exist_need_a_password_too(serve: Any) -> None:
    client, _ = await serve(WebConfig(users={"alice": HASH}))

    assert (await client.get("/nowhere")).status == 401
    assert (await client.get("/nowhere", headers=basic("alice:pässword"))).status == 404


async def test_headers_are_on_every_answer_and_replace_none(serve: Any) -> None:
    headers = {"X-Frame-Options": "deny", "Content-Security-Policy": "the file's"}
    client, access = await serve(WebConfig(headers=headers, users={"alice": HASH}))
    for path, status, policy in (("/", 200, "the page's own"), ("/nowhere", 404, "the file's")):
        response = await client.get(path, headers=basic("alice:pässword"))
        assert response.status == status
        assert response.headers["X-Frame-Options"] == "deny"
        assert response.headers["Content-Security-Policy"] == policy
    assert (await client.get("/")).headers["X-Frame-Options"] == "deny"

    access.use(WebConfig(), None)

    assert "X-Frame-Options" not in (await client.get("/")).headers


async def test_requests_beyond_the_limit_are_refused_before_any_password(serve: Any) -> None:
    client, access = await serve(WebConfig(rate_limit=RateLimit(1000, 2), users={"alice": HASH}))

    statuses = [(await client.get("/")).status for _ in range(4)]

    assert statuses == [401, 401, 429, 429]
    assert access.refusals[Refusal.RATE_LIMIT] == 2


async def test_a_burst_of_none_refuses_every_request(serve: Any) -> None:
    client, access = await serve(WebConfig(rate_limit=RateLimit(0.001, 0)))

    assert [(await client.get("/")).status for _ in range(3)] == [429, 429, 429]
    assert access.refusals[Refusal.RATE_LIMIT] == 3


async def test_another_configuration_leaves_the_bucket_as_it_is(serve: Any) -> None:
    limit = RateLimit(1000, 1)
    client, access = await serve(WebConfig(rate_limit=limit))
    assert (await client.get("/")).status == 200

    access.use(WebConfig(rate_limit=limit, headers={"X-Frame-Options": "deny"}), None)
    assert (await client.get("/")).status == 429
    access.use(WebConfig(), None)
    assert (await client.get("/")).status == 200


def test_a_bucket_fills_up_to_its_burst() -> None:
    times = iter([0.0, 0.0, 0.0, 0.0, 1.9, 2.0, 100.0, 100.0, 100.0])
    bucket = TokenBucket(RateLimit(2.0, 2), clock=times.__next__)

    assert [bucket.take() for _ in range(8)] == [True, True, False, False, True, True, True, False]
