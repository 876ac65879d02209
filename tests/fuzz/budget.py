"""How many examples a fuzzer tries: few and always the same ones with the other tests, many new ones by `make fuzz`."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings

LONG = os.environ.get("FUZZ") == "long"
SHARE = float(os.environ.get("FUZZ_SHARE", "1"))  # of the long run's examples
# Examples are real processes and sockets: none has a deadline of hypothesis', and generating them may take its time.
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def examples(*, short: int, long: int) -> Callable[[Any], Any]:
    """Limit a fuzzer's examples, which are the same in each short run."""
    return settings(
        max_examples=max(1, round(long * SHARE)) if LONG else short,
        derandomize=not LONG,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink] if LONG else [Phase.explicit, Phase.generate],
        suppress_health_check=_CHECKS,
        print_blob=False,
    )
