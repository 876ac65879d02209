"""Which passwords are right, and what many wrong ones may cost."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count

import bcrypt
import pytest

from exporter.web.config import passwords
from exporter.web.config.passwords import Answer, PasswordChecker
from tests.support.clock import Clock

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
async def checker(clock: Clock) -> AsyncIterator[PasswordChecker]:
    """Knows one user."""
    made = PasswordChecker(clock=clock)
    made.use({"prometheus": HASH})
    yield made
    await made.close()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed."""
    found: list[str] = []
    matches = passwords._matches

    def spy(password: str, hashed: str) -> bool:
        found.append(hashed)
        return matches(password, hashed)

    monkeypatch.setattr(passwords, "_matches", spy)
    return found


@pytest.mark.parametrize("prefix", ["$2a", "$2b", "$2y"])
async def test_right_and_wrong(checker: PasswordChecker, clock: Clock, prefix: str) -> None:
    """Of every version of bcrypt that htpasswd and others write."""
    checker.use({"prometheus": HASH.replace("$2b", prefix, 1)})
    expected = {
        ("prometheus", "right"): Answer.RIGHT,
        ("prometheus", "wrong"): Answer.WRONG,
        ("prometheus", ""): Answer.WRONG,
        ("prometheus", "right\0"): Answer.WRONG,
        ("prometheus", "\udcff" * 100): Answer.WRONG,
        ("nobody", "right"): Answer.WRONG,
        ("", ""): Answer.WRONG,
    }
    for (user, password), answer in expected.items():
        assert await checker.check(user, password, client="a") is answer
        clock.now += passwords.FAILURE_SECONDS


async def test_a_password_longer_than_bcrypt_looks_at(checker: PasswordChecker) -> None:
    """As Go's bcrypt compares: the first 72 bytes."""
    checker.use({"prometheus": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()})

    assert await checker.check("prometheus", "x" * 100, client="a") is Answer.RIGHT


async def test_a_right_answer_is_remembered_for_a_while(
    checker: PasswordChecker, clock: Clock, computed: list[str]
) -> None:
    """Since its last use, and no longer."""
    for _ in range(3):
        assert await checker.check("prometheus", "right", client="a") is Answer.RIGHT
        clock.now += passwords.REMEMBERED_SECONDS
    assert len(computed) == 1
    clock.now += 1
    assert await checker.check("prometheus", "right", client="a") is Answer.RIGHT
    assert len(computed) == 2


async def test_what_is_remembered_is_no_password(checker: PasswordChecker) -> None:
    """Neither it nor its plain hash: a keyed one, whose key is made anew by each process."""
    await checker.check("prometheus", "right", client="a")
    other = PasswordChecker(clock=time.monotonic)

    (key,) = checker._remembered
    assert len(key) == 32
    assert key != other._key("prometheus", "right", HASH)


async def test_remembered_answers_are_few(checker: PasswordChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was used longest ago goes first."""
    monkeypatch.setattr(passwords, "REMEMBERED", 2)
    checker.use(dict.fromkeys("abc", HASH))
    for user in ("a", "b", "a", "c"):
        await checker.check(user, "right", client="x")

    assert list(checker._remembered) == [checker._key(user, "right", HASH) for user in ("a", "c")]


@pytest.mark.extended
async def test_a_changed_hash_ends_what_is_remembered(checker: PasswordChecker) -> None:
    """A password that was taken away is refused at once."""
    assert await checker.check("prometheus", "right", client="a") is Answer.RIGHT
    checker.use({"prometheus": bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()})
    assert await checker.check("prometheus", "right", client="a") is Answer.WRONG
    checker.use({})
    assert await checker.check("prometheus", "other", client="a") is not Answer.RIGHT


async def test_an_unknown_user_takes_as_long_as_a_known_one(checker: PasswordChecker, computed: list[str]) -> None:
    """A hash of the highest cost is computed for it."""
    checker.use({"a": HASH, "b": bcrypt.hashpw(b"x", bcrypt.gensalt(6)).decode()})

    assert await checker.check("nobody", "x", client="a") is Answer.WRONG
    assert computed[0].startswith("$2b$06$")


@pytest.mark.extended
async def test_a_client_has_one_attempt_under_way(checker: PasswordChecker) -> None:
    """Another client is not kept waiting by its flood."""
    flood = [checker.check("prometheus", f"wrong{number}", client="flood") for number in range(50)]
    answers = await asyncio.gather(*flood, checker.check("prometheus", "right", client="other"))

    assert answers[-1] is Answer.RIGHT
    assert answers[:-1].count(Answer.WRONG) == 1
    assert answers[:-1].count(Answer.BUSY) == 49


async def test_all_clients_have_few_attempts_under_way(checker: PasswordChecker, clock: Clock) -> None:
    """However many addresses a flood comes from."""
    numbers = count()

    def clock_runs() -> float:
        return clock.now + next(numbers) * passwords.FAILURE_SECONDS

    checker._clock = clock_runs
    attempts = [checker.check("prometheus", f"wrong{each}", client=f"{each}") for each in range(50)]
    answers = await asyncio.gather(*attempts)

    assert answers.count(Answer.BUSY) == 50 - passwords.MAX_ATTEMPTS


async def test_equal_attempts_are_one(checker: PasswordChecker, computed: list[str]) -> None:
    """Two replicas of Prometheus begin at once behind one address."""
    answers = await asyncio.gather(*(checker.check("prometheus", "right", client="a") for _ in range(5)))

    assert set(answers) == {Answer.RIGHT}
    assert len(computed) == 1


async def test_a_cancelled_request_does_not_end_the_attempt_of_another(checker: PasswordChecker) -> None:
    """The attempt belongs to the checker."""
    first = asyncio.create_task(checker.check("prometheus", "right", client="a"))
    second = asyncio.create_task(checker.check("prometheus", "right", client="b"))
    await asyncio.sleep(0)
    first.cancel()

    assert await second is Answer.RIGHT


@pytest.mark.extended
async def test_failures_are_spaced_out() -> None:
    """A flood computes at most five hashes in a second."""
    checker = PasswordChecker(clock=time.monotonic)
    checker.use({"prometheus": HASH})
    began = time.monotonic()
    for number in range(3):
        assert await checker.check("prometheus", f"wrong{number}", client="a") is Answer.WRONG
    await checker.close()

    assert time.monotonic() - began >= 2 * passwords.FAILURE_SECONDS


async def test_closing_ends_attempts_under_way(checker: PasswordChecker) -> None:
    """Without waiting for bcrypt: this cost takes seconds."""
    checker.use({"prometheus": f"$2b$16${'.' * 53}"})
    attempt = asyncio.create_task(checker.check("prometheus", "x", client="a"))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await checker.close()

    assert time.monotonic() - began < 1
    with pytest.raises(asyncio.CancelledError):
        await attempt
