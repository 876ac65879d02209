"""The role that a server must have: any, primary or replica."""

from enum import StrEnum


class ExpectedRole(StrEnum):
    """The values of the setting `DATABASE_EXPECT`, also used in messages."""

    ANY = "any"
    PRIMARY = "primary"
    REPLICA = "replica"

    def allows(self, *, in_recovery: bool) -> bool:
        """Whether a server in recovery (a replica), or one that is not, is acceptable."""
        return self in (ExpectedRole.ANY, ExpectedRole.REPLICA if in_recovery else ExpectedRole.PRIMARY)
