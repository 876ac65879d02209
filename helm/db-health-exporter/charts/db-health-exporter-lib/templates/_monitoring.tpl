{{/*
A PodMonitor for the sidecar's port; "monitor" in the dict holds labels, annotations, namespace, interval, endpoint,
and "podLabels" the labels of the pods; "jobLabel" and "relabelings", if given, say what Prometheus calls the job.
*/}}
{{- define "db-health-exporter.podMonitor" -}}
{{- $monitor := .monitor | default dict -}}
{{- $endpoint := deepCopy ($monitor.endpoint | default dict) -}}
{{- with .relabelings -}}
{{- $_ := set $endpoint "relabelings" (concat . ($endpoint.relabelings | default list)) -}}
{{- end -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include "db-health-exporter.fullname" . | quote }}
  namespace: {{ $monitor.namespace | default .root.Release.Namespace | quote }}
  labels: {{- merge (deepCopy ($monitor.labels | default dict)) (include "db-health-exporter.labels" . | fromYaml) | toYaml | nindent 4 }}
  {{- with $monitor.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .jobLabel }}
  jobLabel: {{ . }}
  {{- end }}
  selector:
    matchLabels: {{- toYaml .podLabels | nindent 6 }}
  namespaceSelector: {{- .namespaceSelector | default (dict "matchNames" (list .root.Release.Namespace)) | toYaml | nindent 4 }}
  podMetricsEndpoints:
    - port: {{ include "db-health-exporter.metricsPortName" . }}
      path: /metrics
      {{- with $monitor.interval }}
      interval: {{ . | quote }}
      {{- end }}
      {{- with $endpoint }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end }}
