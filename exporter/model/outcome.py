"""The closed set of outcomes that a probe can have, and the reasons known beyond them."""

from enum import StrEnum


class Outcome(StrEnum):
    """The result of a probe: at once the label's value and the text of an answer."""

    SUCCESS = "success"
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    QUERY_TIMEOUT = "query_timeout"
    TLS = "tls"
    AUTH = "auth"
    NO_SUCH_DATABASE = "no_such_database"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    STARTING_UP = "starting_up"
    SHUTTING_DOWN = "shutting_down"
    READ_ONLY = "read_only"
    POOL_EXHAUSTED = "pool_exhausted"
    DISK_FULL = "disk_full"
    PROTOCOL = "protocol"
    ERROR = "error"


class Reason(StrEnum):
    """What is known beyond an outcome, where it has a cure of its own."""

    NO_TABLE = "no_table"
    SETTING = "setting"  # our own: a file has gone, or holds nothing usable any more
    PEER = "peer"  # the peer itself speaks of a broken protocol: as PgBouncer does whatever it refuses
