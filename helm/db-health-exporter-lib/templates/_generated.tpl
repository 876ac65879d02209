{{/*
The exporter's settings. `make generate` makes this file of them: do not edit it.
*/}}

{{/* What exporter.settings takes: types, limits, defaults and the exporter's own sentences. */}}
{{- define "db-health-exporter.settings" -}}
APP_POOL_LISTEN: {"type": "listenAddress", "allowed": "HOST:PORT, HOST:PORT/udp, unix:/PATH or off", "default": "127.0.0.1:9851/udp"}
APP_POOL_SOURCES: {"type": "networks", "allowed": "IP addresses and networks, separated by commas", "default": ""}
APP_POOL_TTL: {"type": "duration", "off": false, "minimum": 0.1, "maximum": 3600, "allowed": "a time from 0.1 s to 3600 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "15"}
APP_POOL_WEDGED_AFTER: {"type": "duration", "off": false, "minimum": 0.1, "maximum": 3600, "allowed": "a time from 0.1 s to 3600 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "30"}
DATABASE_ECHO: {"type": "boolean", "allowed": "true or false", "default": "false"}
DATABASE_EXPECT: {"type": "word", "words": ["any", "primary", "replica"], "allowed": "any, primary or replica", "default": "any"}
DATABASE_EXTENSIONS: {"type": "extensions", "allowed": "names of extensions, separated by commas", "default": ""}
DATABASE_MAX_OVERFLOW: {"type": "number", "minimum": 0, "maximum": 50, "allowed": "a number from 0 to 50", "default": "10"}
DATABASE_POOL_RECYCLE: {"type": "duration", "off": false, "minimum": 1, "maximum": 604800, "allowed": "a time from 1 s to 604800 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "3600"}
DATABASE_POOL_SIZE: {"type": "number", "minimum": 1, "maximum": 20, "allowed": "a number from 1 to 20", "default": "5"}
ENVIRONMENT: {"type": "environment", "allowed": "a word, as production or test", "default": "production"}
FRESH_PROBE_INTERVAL: {"type": "duration", "off": true, "minimum": 0.1, "maximum": 86400, "allowed": "0 for off, or a time from 0.1 s to 86400 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "60"}
HEALTH_MAX_AGE: {"type": "duration", "off": false, "minimum": 0, "maximum": 3600, "allowed": "a time from 0 s to 3600 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "1"}
LISTEN_HOST: {"type": "host", "allowed": "an IP address or a host name", "default": ""}
LISTEN_PORT: {"type": "port", "minimum": 1, "maximum": 65535, "allowed": "a port from 1 to 65535", "default": "9850"}
LOG_FORMAT: {"type": "word", "words": ["text", "json"], "allowed": "text or json", "default": "text"}
LOG_LEVEL: {"type": "word", "words": ["debug", "info", "warning", "error", "trace", "notset", "verbose", "notice", "information", "warn", "warnings", "err", "errors", "fatal", "critical", "panic", "severe", "alert", "emerg", "emergency", "crit", "dbg", "fine", "finer", "finest", "all", "config", "inf", "success", "default", "wrn", "off", "none", "silent", "quiet", "disabled"], "allowed": "debug, info, warning or error", "default": "info"}
METRICS_PORT: {"type": "port", "minimum": 1, "maximum": 65535, "allowed": "a port from 1 to 65535", "default": ""}
PROBE_INTERVAL: {"type": "duration", "off": false, "minimum": 0.1, "maximum": 3600, "allowed": "a time from 0.1 s to 3600 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "5"}
PROBE_TIMEOUT: {"type": "duration", "off": false, "minimum": 0.05, "maximum": 10, "allowed": "a time from 0.05 s to 10 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "0.8"}
READINESS: {"type": "word", "words": ["off", "latch", "gate"], "allowed": "off, latch or gate", "default": "latch"}
WRITE_PROBE_INTERVAL: {"type": "duration", "off": true, "minimum": 0.1, "maximum": 86400, "allowed": "0 for off, or a time from 0.1 s to 86400 s, written as 5, 0.5, 500ms, 30s or 1m", "default": "0"}
{{- end }}

{{/* Settings that the chart sets from values of its own. */}}
{{- define "db-health-exporter.settingsElsewhere" -}}
DATABASE_URL: "database.url or database.existingSecret"
DATABASE_URL_FILE: "database.existingSecret"
DATABASE_HOST: "database.host"
DATABASE_PORT: "database.port"
DATABASE_NAME: "database.name"
DATABASE_USER: "database.user"
DATABASE_PASSWORD: "database.passwordSecret"
DATABASE_PASSWORD_FILE: "database.passwordSecret"
DATABASE_PARAMETERS: "database.parameters"
DATABASES: "databases"
DATABASES_FILE: "databases"
POD_IP: "nothing (the chart takes it from the pod)"
WEB_CONFIG_FILE: "exporter.webConfigSecret"
{{- end }}

{{/* What URLs of PostgreSQL's protocol begin with, as a regular expression. */}}
{{- define "db-health-exporter.schemes" -}}postgres|postgresql|pgsql|psql|postgis|timescale|timescaledb|timescalegis|cockroachdb|cockroach|crdb|yugabytedb|redshift|asyncpg|psycopg|pgx|pgx5|pdo-pgsql|ecto{{- end }}

{{/* The library's values.yaml, for values that are given in part. */}}
{{- define "db-health-exporter.defaults" -}}
# `make generate` cuts these values out of the chart's values.yaml: do not edit them here.
# -- Replaces the chart's name in the names of objects.
nameOverride: ""
# -- Replaces the whole name of objects.
fullnameOverride: ""
# -- Labels for every object.
commonLabels: {}

database:
  existingSecret:
    # -- A Secret of yours that holds the database's URL.
    name: ""
    # -- The URL's key in it.
    key: DATABASE_URL
  # -- The URL itself; the chart then makes the Secret.
  url: ""
  # -- Instead of a URL: the server's name or address.
  host: ""
  # -- Instead of a URL: the server's port.
  port: 5432
  # -- Instead of a URL: the database's name.
  name: ""
  # -- Instead of a URL: the role.
  user: ""
  # -- Instead of a URL: its parameters, such as `sslmode=verify-full&sslrootcert=/certs/ca.pem`.
  parameters: ""
  passwordSecret:
    # -- Instead of a URL: a Secret of yours that holds the password, which may have any character.
    name: ""
    # -- The password's key in it.
    key: password
  fromSecret:
    # -- Instead of a URL: a Secret that another tool made (CloudNativePG, Crunchy, a service binding) with all parts.
    name: ""
    keys:
      # -- The key of the host.
      host: host
      # -- The key of the port; 5432 where it is empty.
      port: port
      # -- The key of the database's name; `database` in service bindings.
      name: dbname
      # -- The key of the role; `username` in service bindings.
      user: user
      # -- The key of the password.
      password: password
      # -- Instead of the others: a key that holds all as JSON, as AWS Secrets Manager writes it.
      json: ""
  # -- Mount the Secret as a file, so that a rotated one needs no restart; `false` passes it as a variable.
  fromFiles: true

# -- Several databases by name, each with the fields of `database` and `expect` (any, primary, replica) and `required`.
databases: {}

exporter:
  image:
    # -- The registry, in front of the repository; `global.imageRegistry` serves where this is empty or the project's own.
    registry: ghcr.io/db-health-exporter
    # -- The image's name.
    repository: db-health-exporter
    # -- The image's tag; the chart's appVersion where it is empty.
    tag: ""
    # -- A digest (`sha256:…`) instead of the tag.
    digest: ""
    # -- When the kubelet pulls the image.
    pullPolicy: IfNotPresent
  # -- Any setting of the exporter by the name of its variable, such as `READINESS: gate`.
  settings: {}
  # -- Run as a native sidecar: Jobs end, and the exporter outlives the application at termination.
  native: true
  # -- What the exporter asks for; a tighter memory limit only makes page cache count as active.
  resources:
    requests: {cpu: 5m, memory: 48Mi}
    limits: {memory: 128Mi}
  # -- More environment variables, such as SSL_CERT_FILE (the authorities of sslrootcert=system); the exporter's settings have their own places and are refused.
  extraEnv: []
  # -- More volumes of the pod, for `extraVolumeMounts`.
  extraVolumes: []
  # -- More mounts of the exporter's container, such as the database's CA certificate.
  extraVolumeMounts: []
  # -- A Secret of yours whose key `web-config.yaml` sets TLS and passwords for `METRICS_PORT`: docs/web-configuration.md.
  webConfigSecret: ""
  startupGate:
    # -- Start the application only after the database has answered once.
    enabled: false
  # -- Any other field of the exporter's container, merged last.
  container: {}
{{- end }}

{{/* The longest PROBE_TIMEOUT, in seconds, whose answer still reaches the kubelet in time. */}}
{{- define "db-health-exporter.longestProbeTimeout" -}}0.85{{- end }}
