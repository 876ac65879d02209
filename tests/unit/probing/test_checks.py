"""The outcome of a failure, corrected by the server's last known state."""

import pytest

from exporter.model.outcome import Outcome
from exporter.probing.checks import ServerState


@pytest.mark.parametrize(
    ("server_state", "fresh", "found"),
    [
        (ServerState(), False, Outcome.STARTING_UP),
        (ServerState(), True, Outcome.STARTING_UP),
        (ServerState(shutting_down=True), False, Outcome.SHUTTING_DOWN),
        (ServerState(shutting_down=True), True, Outcome.SHUTTING_DOWN),
        (ServerState(connected=True), True, Outcome.SHUTTING_DOWN),
        (ServerState(connected=True), False, Outcome.STARTING_UP),
    ],
    ids=str,
)
def test_stopping_server_is_told_from_a_starting_one(server_state: ServerState, fresh: bool, found: Outcome) -> None:
    """Both refuse with 57P03: a server that announced its shutdown, or that has a live session, is stopping."""
    assert server_state.note_outcome(Outcome.STARTING_UP, fresh=fresh) is found


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.STARTING_UP])
def test_other_outcomes_stay(outcome: Outcome) -> None:
    """Only 57P03 has two meanings."""
    assert ServerState(shutting_down=True, connected=True).note_outcome(outcome, fresh=True) is outcome
