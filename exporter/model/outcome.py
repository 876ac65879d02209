"""The closed sets of outcomes and reasons that a probe can have."""

from enum import StrEnum


class Outcome(StrEnum):
    """The result of a probe: the value of the label `outcome` and the word in answers."""

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
    REJECTED = "rejected"  # the peer answered with an SQLSTATE that has no outcome of its own
    MISCONFIGURED = "misconfigured"  # the exporter cannot use the address that it was given
    ERROR = "error"  # a defect of the exporter


class Reason(StrEnum):
    """A cause within an outcome that has a cure of its own: the value of the label `reason`."""

    LIMIT_ROLE = "limit_role"  # 53300: the role's CONNECTION LIMIT
    LIMIT_DATABASE = "limit_database"  # 53300: the database's CONNECTION LIMIT
    LIMIT_SERVER = "limit_server"  # 53300: max_connections
    NO_TLS = "no_tls"  # pg_hba.conf allows this client with TLS only
    SETTING = "setting"  # a setting of the exporter, or a file that one names, has become unusable
    NO_TABLE = "no_table"  # the heartbeat table does not exist
    POOLER = "pooler"  # the peer itself sends 08P01, as PgBouncer does for all its refusals
