"""Whatever `DATABASE_*` hold, `serve` listens, is alive, and shows neither a traceback nor a secret."""

import json
import re

import pytest
from hypothesis import given

from tests.fuzz.budget import LONG, examples
from tests.fuzz.conftest import Serving
from tests.fuzz.environments import Environment, environments
from tests.fuzz.serving import Served
from tests.fuzz.texts import tells
from tests.support.exporter import DEADLINE, parse

# What begins a line of the log, as text or as JSON.
LINE = re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+: |\{"time": "\d{4}-')
NEVER = ("Traceback", "never awaited", "was destroyed", "Unhandled", "Task exception")


def check(served: Served) -> None:
    """Assert all that holds whatever the environment is."""
    assert served.listened, served.log
    answers = served.answers
    for path in ("/livez", "/app/livez", "/metrics", "/"):
        assert answers[path][0] == 200, (path, answers[path], served.log)
    for path in ("/healthz", "/readyz", "JSON"):
        status, seconds, _ = answers[path]
        assert status in {200, 503}, (path, answers[path], served.log)
        assert seconds <= DEADLINE, (path, seconds, served.log)
    assert parse(answers["/metrics"][2])
    assert json.loads(answers["JSON"][2])["status"] in {"pass", "fail", "warn"}
    assert served.status == 0, served.log
    assert not [word for word in NEVER if word in served.log], served.log
    assert all(LINE.match(line) for line in served.log.removesuffix("\n").split("\n")), served.log
    said = "\n".join([served.log, *(text for _, _, text in answers.values())])
    assert not tells(said), said


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(4 if LONG else 1))
def test_environments(serving: Serving, part: int) -> None:
    """Ten thousand environments by `make fuzz FUZZ_SHARE=1`, in four parts: each a serving process of its own."""

    @examples(short=60, long=2500)
    @given(environments())
    def try_out(environment: Environment) -> None:
        check(serving.serve(environment))

    del part
    try_out()
