{{/*
The exporter's settings: which exist, what the chart sets itself, what is refused.
*/}}

{{/* The exporter's own kinds and limits, which it would only tell in the log of a pod that does not start. */}}
{{- define "db-health-exporter.knownSettings" -}}
APP_POOL_LISTEN: {is: listen}
APP_POOL_TTL: {is: time, from: 0.1, to: 3600}
APP_POOL_WEDGED_AFTER: {is: time, from: 0.1, to: 3600}
DATABASE_ECHO: {is: truth}
DATABASE_EXPECT: {is: word, among: any|primary|replica, words: "any, primary or replica"}
DATABASE_EXTENSIONS: {is: extensions}
DATABASE_MAX_OVERFLOW: {is: number, from: 0, to: 50}
DATABASE_POOL_RECYCLE: {is: time, from: 1, to: 604800}
DATABASE_POOL_SIZE: {is: number, from: 1, to: 20}
ENVIRONMENT: {is: environment}
FRESH_PROBE_INTERVAL: {is: time, from: 0.1, to: 86400, zero: true}
HEALTH_MAX_AGE: {is: time, from: 0, to: 3600}
LISTEN_HOST: {is: host}
LISTEN_PORT: {is: port, from: 1, to: 65535}
LOG_FORMAT: {is: word, among: text|json, words: text or json}
LOG_LEVEL: {is: word, among: debug|info|warning|error, words: "debug, info, warning or error"}
METRICS_PORT: {is: port, from: 1, to: 65535}
PROBE_INTERVAL: {is: time, from: 0.1, to: 3600}
PROBE_TIMEOUT: {is: time, from: 0.05, to: 10}
READINESS: {is: word, among: off|latch|gate, words: "off, latch or gate"}
WRITE_PROBE_INTERVAL: {is: time, from: 0.1, to: 86400, zero: true}
{{- end }}

{{/* Settings that have a value of their own in the chart: it keeps passwords out of the pod's description. */}}
{{- define "db-health-exporter.settingsElsewhere" -}}
DATABASE_URL: database.url or database.existingSecret
DATABASE_URL_FILE: database.existingSecret
DATABASE_HOST: database.host
DATABASE_PORT: database.port
DATABASE_NAME: database.name
DATABASE_USER: database.user
DATABASE_PASSWORD: database.passwordSecret
DATABASE_PASSWORD_FILE: database.passwordSecret
DATABASE_PARAMETERS: database.parameters
DATABASES: databases
DATABASES_FILE: databases
POD_IP: nothing (the chart takes it from the pod)
WEB_CONFIG_FILE: nothing (it is not supported yet)
{{- end }}

{{/* One setting's text: a number never prints as 1e+06, and YAML reads the word off as false. */}}
{{- define "db-health-exporter.settingText" -}}
{{- if and (kindIs "bool" .value) (ne .name "DATABASE_ECHO") -}}
{{- ternary "on" "off" .value -}}
{{- else -}}
{{- kindIs "string" .value | ternary .value (toJson .value) -}}
{{- end -}}
{{- end }}

{{/* Every variable of the exporter's container. */}}
{{- define "db-health-exporter.env" -}}
- name: POD_IP
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
{{- include "db-health-exporter.sidecarDatabaseEnv" . }}
{{- if .values.exporter.webConfigSecret }}
- name: WEB_CONFIG_FILE
  value: /etc/db-health-exporter/web/web-config.yml
{{- if not (.values.exporter.settings | default dict).METRICS_PORT }}
- name: METRICS_PORT
  value: {{ include "db-health-exporter.metricsPort" . | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := .values.exporter.settings }}
- name: {{ $name }}
  value: {{ include "db-health-exporter.settingText" (dict "name" $name "value" $value) | quote }}
{{- end }}
{{- with .values.exporter.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
