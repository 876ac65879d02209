{{/*
The application's container in mode app.
*/}}
{{- define "db-health-exporter.appContainer" -}}
{{- $app := .values.app -}}
- name: app
  image: {{ printf "%s:%s" $app.image.repository ($app.image.tag | default "latest") | quote }}
  {{- with $app.image.pullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  {{- with $app.command }}
  command: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $app.args }}
  args: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $app.port }}
  ports:
    - {name: http, containerPort: {{ int . }}, protocol: TCP}
  {{- end }}
  {{- $env := $app.databaseEnv | ternary (include "db-health-exporter.databaseEnv" .) "" }}
  {{- if or $env $app.env }}
  env:
    {{- with $env }}{{ trim . | nindent 4 }}{{ end }}
    {{- with $app.env }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- end }}
  {{- with $app.envFrom }}
  envFrom: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "db-health-exporter.appReadiness" . }}
  readinessProbe: {{- . | nindent 4 }}
  {{- end }}
  {{- with include "db-health-exporter.appLiveness" . }}
  livenessProbe: {{- . | nindent 4 }}
  {{- end }}
  {{- with $app.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $app.securityContext }}
  securityContext: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $app.volumeMounts }}
  volumeMounts: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The application's own probe wins over the one that the sidecar answers. */}}
{{- define "db-health-exporter.appReadiness" -}}
{{- if .values.app.readinessProbe }}{{ toYaml .values.app.readinessProbe }}
{{- else if .values.app.probes.readiness }}{{ include "db-health-exporter.readinessProbe" . }}
{{- end }}
{{- end }}

{{- define "db-health-exporter.appLiveness" -}}
{{- if .values.app.livenessProbe }}{{ toYaml .values.app.livenessProbe }}
{{- else if .values.app.probes.liveness }}{{ include "db-health-exporter.livenessProbe" . }}
{{- end }}
{{- end }}
