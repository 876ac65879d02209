{{/*
The exporter's environment variables.
*/}}

{{/* A setting's text: a number is never printed as 1e+06, and YAML's bare off, which is read as false, is "off" again. */}}
{{- define "db-health-exporter.settingText" -}}
{{- if and (kindIs "bool" .value) (ne .name "DATABASE_ECHO") -}}
{{- ternary "on" "off" .value -}}
{{- else -}}
{{- kindIs "string" .value | ternary .value (toJson .value) -}}
{{- end -}}
{{- end }}

{{/* Digits as a decimal number: a template's int would read 010 as octal. */}}
{{- define "db-health-exporter.decimal" -}}
{{- kindIs "string" . | ternary . (toJson .) | float64 | int64 -}}
{{- end }}

{{/* Every variable of the exporter's container. */}}
{{- define "db-health-exporter.env" -}}
- name: POD_IP
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
{{- include "db-health-exporter.sidecarDatabaseEnv" . }}
{{- range $name, $value := .values.exporter.settings }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ include "db-health-exporter.settingText" (dict "name" $name "value" $value) | quote }}
{{- end }}
{{- end }}
{{- if .values.exporter.webConfigSecret }}
{{- /* Injected: the - keeps other people's pods starting where their namespace has no such Secret, or a wrong one. */}}
- name: WEB_CONFIG_FILE
  value: {{ printf "%s%s/web-config.yaml" (.injected | default false | ternary "-" "") (include "db-health-exporter.webConfigFolder" .) | quote }}
{{- end }}
{{- with .values.exporter.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The port of the health endpoints. */}}
{{- define "db-health-exporter.port" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $default := include "db-health-exporter.settings" . | fromYaml | dig "LISTEN_PORT" "default" "" -}}
{{- (.values.exporter.settings | default dict).LISTEN_PORT | default $default | include "db-health-exporter.decimal" -}}
{{- end }}

{{/* The port of /metrics and the page: a port of its own where METRICS_PORT is set. */}}
{{- define "db-health-exporter.metricsPort" -}}
{{- (.values.exporter.settings | default dict).METRICS_PORT | default (include "db-health-exporter.port" .) | include "db-health-exporter.decimal" -}}
{{- end }}

{{/* The name of the port that serves /metrics. */}}
{{- define "db-health-exporter.metricsPortName" -}}
{{- $same := eq (include "db-health-exporter.port" .) (include "db-health-exporter.metricsPort" .) -}}
{{- $same | ternary "db-health" "db-metrics" -}}
{{- end }}
