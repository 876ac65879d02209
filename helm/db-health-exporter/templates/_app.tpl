{{/*
Mode app: the application's container.
*/}}

{{/* The container, as YAML. */}}
{{- define "db-health-exporter.appContainer" -}}
{{- $container := include "db-health-exporter.appContainerDefaults" . | fromYaml -}}
{{- with .values.app.container -}}
{{- $container = include "db-health-exporter.merged" (dict "base" $container "over" .) | fromJson -}}
{{- end -}}
{{- toYaml $container -}}
{{- end }}

{{- define "db-health-exporter.appContainerDefaults" -}}
{{- $app := .values.app -}}
{{- $tag := include "db-health-exporter.imageTag" $app.image | default "latest" -}}
name: app
image: {{ include "db-health-exporter.imageReference" (dict "image" $app.image "registry" $app.image.registry "tag" $tag) | quote }}
{{- with $app.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- with $app.port }}
ports:
  - {name: http, containerPort: {{ int . }}, protocol: TCP}
{{- end }}
{{- $env := $app.databaseEnv | ternary (include "db-health-exporter.databaseEnv" .) "" }}
{{- if or $env $app.env }}
env:
  {{- with $env }}{{ trim . | nindent 2 }}{{ end }}
  {{- with $app.env }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}
{{- range $key := tuple "command" "args" "envFrom" "resources" "securityContext" "volumeMounts" }}
{{- with get $app $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- with include "db-health-exporter.appStartup" . }}
startupProbe: {{- . | nindent 2 }}
{{- end }}
{{- with include "db-health-exporter.appReadiness" . }}
readinessProbe: {{- . | nindent 2 }}
{{- end }}
{{- with include "db-health-exporter.appLiveness" . }}
livenessProbe: {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
Readiness begins when the application itself listens: the exporter's /readyz does not depend on its port. A day of failures, so
that the probe restarts nothing.
*/}}
{{- define "db-health-exporter.appStartup" -}}
{{- $app := .values.app -}}
{{- if $app.startupProbe }}{{ toYaml $app.startupProbe }}
{{- else if and $app.port $app.probes.startup -}}
tcpSocket: {port: http}
periodSeconds: 1
timeoutSeconds: 1
failureThreshold: 86400
{{- end }}
{{- end }}

{{/* The application's own probe wins over the one that the exporter answers. */}}
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
