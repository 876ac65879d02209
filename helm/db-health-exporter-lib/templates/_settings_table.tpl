{{/*
The exporter's settings. `make generate` makes this file of them: do not edit it.
*/}}

{{/* What exporter.settings takes: types, limits, defaults and the exporter's own sentences. */}}
{{- define "db-health-exporter.settings" -}}
APP_POOL_LISTEN: {"type": "listenAddress", "allowed": "HOST:PORT, HOST:PORT/udp, unix:/PATH or off", "default": "127.0.0.1:9851/udp"}
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
LOG_LEVEL: {"type": "word", "words": ["debug", "info", "warning", "error"], "allowed": "debug, info, warning or error", "default": "info"}
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
WEB_CONFIG_FILE: "nothing (it is not supported yet)"
{{- end }}

{{/* The longest PROBE_TIMEOUT, in seconds, whose answer still reaches the kubelet in time. */}}
{{- define "db-health-exporter.longestProbeTimeout" -}}0.85{{- end }}
