{{/*
Prometheus' targets. "monitor" in the dict holds labels, annotations, namespace, interval, endpoint; "podLabels" the labels
of the pods; "jobLabel" and "relabelings", where given, set the job's name.
*/}}

{{- define "db-health-exporter.podMonitor" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- if not .podLabels -}}
{{- fail "db-health-exporter.podMonitor: podLabels is missing, and without it every pod of the namespace would be selected: add \"podLabels\" (dict \"app\" \"…\") to its dict" -}}
{{- end -}}
kind: PodMonitor
{{ include "db-health-exporter.monitorMetadata" . }}
spec:
  {{- with .jobLabel }}
  jobLabel: {{ . }}
  {{- end }}
  selector:
    matchLabels: {{- toYaml .podLabels | nindent 6 }}
  {{- include "db-health-exporter.monitorNamespaces" . | nindent 2 }}
  podMetricsEndpoints:
    {{- include "db-health-exporter.monitorEndpoint" . | nindent 4 }}
{{- end }}

{{/* A ServiceMonitor for the Service of an exporter that stands alone; "serviceLabels" are that Service's. */}}
{{- define "db-health-exporter.serviceMonitor" -}}
kind: ServiceMonitor
{{ include "db-health-exporter.monitorMetadata" . }}
spec:
  selector:
    matchLabels: {{- toYaml .serviceLabels | nindent 6 }}
  {{- include "db-health-exporter.monitorNamespaces" . | nindent 2 }}
  endpoints:
    {{- include "db-health-exporter.monitorEndpoint" . | nindent 4 }}
{{- end }}

{{- define "db-health-exporter.monitorMetadata" -}}
{{- $monitor := .monitor | default dict -}}
apiVersion: monitoring.coreos.com/v1
metadata:
  name: {{ include "db-health-exporter.fullname" . | quote }}
  namespace: {{ $monitor.namespace | default .root.Release.Namespace | quote }}
  labels: {{- merge (deepCopy ($monitor.labels | default dict)) (include "db-health-exporter.labels" . | fromYaml) | toYaml | nindent 4 }}
  {{- with $monitor.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "db-health-exporter.monitorNamespaces" -}}
namespaceSelector: {{- .namespaceSelector | default (dict "matchNames" (list .root.Release.Namespace)) | toYaml | nindent 2 }}
{{- end }}

{{/* The endpoint, as a list of one: the user's own fields win, and the chart's relabelings come first. */}}
{{- define "db-health-exporter.monitorEndpoint" -}}
{{- $monitor := .monitor | default dict -}}
{{- $own := $monitor.endpoint | default dict -}}
{{- $endpoint := dict "port" (include "db-health-exporter.metricsPortName" .) "path" "/metrics" -}}
{{- with $monitor.interval }}{{ $_ := set $endpoint "interval" . }}{{ end -}}
{{- $endpoint = mergeOverwrite $endpoint (deepCopy $own) -}}
{{- with .relabelings }}{{ $_ := set $endpoint "relabelings" (concat . ($own.relabelings | default list)) }}{{ end -}}
{{- list $endpoint | toYaml -}}
{{- end }}
