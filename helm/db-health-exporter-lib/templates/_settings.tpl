{{/*
The exporter's settings: which exist, what the chart sets itself, what is refused.
*/}}

{{- define "db-health-exporter.knownSettings" -}}
- APP_POOL_LISTEN
- APP_POOL_TTL
- APP_POOL_WEDGED_AFTER
- DATABASE_ECHO
- DATABASE_EXPECT
- DATABASE_EXTENSIONS
- DATABASE_MAX_OVERFLOW
- DATABASE_POOL_RECYCLE
- DATABASE_POOL_SIZE
- ENVIRONMENT
- FRESH_PROBE_INTERVAL
- HEALTH_MAX_AGE
- LISTEN_HOST
- LISTEN_PORT
- LOG_FORMAT
- LOG_LEVEL
- METRICS_PORT
- PROBE_INTERVAL
- PROBE_TIMEOUT
- READINESS
- WRITE_PROBE_INTERVAL
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

{{/* One setting's value: a number never prints as 1e+08, and YAML reads the word off as false. */}}
{{- define "db-health-exporter.settingValue" -}}
{{- if and (kindIs "bool" .value) (ne .name "DATABASE_ECHO") -}}
{{- ternary "on" "off" .value | quote -}}
{{- else -}}
{{- kindIs "string" .value | ternary .value (toJson .value) | quote -}}
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
{{- if not .values.exporter.settings.METRICS_PORT }}
- name: METRICS_PORT
  value: {{ include "db-health-exporter.metricsPort" . | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := .values.exporter.settings }}
- name: {{ $name }}
  value: {{ include "db-health-exporter.settingValue" (dict "name" $name "value" $value) }}
{{- end }}
{{- with .values.exporter.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
