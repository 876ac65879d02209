{{/*
The exporter's container, and its volumes and probes in the pod.
*/}}

{{/* The container, as a list of one. */}}
{{- define "db-health-exporter.sidecar" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- include "db-health-exporter.validate" . -}}
{{- $container := include "db-health-exporter.container" . | fromYaml -}}
{{- with .values.exporter.container -}}
{{- $container = include "db-health-exporter.merged" (dict "base" $container "over" .) | fromJson -}}
{{- end -}}
{{- list $container | toYaml -}}
{{- end }}

{{- define "db-health-exporter.container" -}}
{{- $gate := .values.exporter.startupGate.enabled -}}
name: db-health-exporter
image: {{ include "db-health-exporter.image" . | quote }}
imagePullPolicy: {{ .values.exporter.image.pullPolicy }}
{{- if and .values.exporter.native (not .alone) }}
restartPolicy: Always
{{- end }}
env: {{- include "db-health-exporter.env" . | nindent 2 }}
ports:
  - {name: db-health, containerPort: {{ include "db-health-exporter.port" . }}, protocol: TCP}
  {{- if ne (include "db-health-exporter.metricsPortName" .) "db-health" }}
  - {name: db-metrics, containerPort: {{ include "db-health-exporter.metricsPort" . }}, protocol: TCP}
  {{- end }}
# Until it passes, the kubelet starts no container after a native sidecar: the gate waits for the database's first answer.
startupProbe:
  httpGet: {path: {{ $gate | ternary "/healthz" "/livez" }}, port: db-health}
  periodSeconds: 1
  timeoutSeconds: 1
  failureThreshold: {{ $gate | ternary 86400 60 }}
livenessProbe:
  httpGet: {path: /livez, port: db-health}
  periodSeconds: 10
  timeoutSeconds: 1
  failureThreshold: 3
{{- if .alone }}
readinessProbe: {{- include "db-health-exporter.readinessProbe" . | nindent 2 }}
{{- end }}
{{- /* No readinessProbe beside an application: it would make the pod unready although the application is ready. */}}
resources: {{- .values.exporter.resources | default dict | toYaml | nindent 2 }}
securityContext: {{- include "db-health-exporter.securityContext" . | nindent 2 }}
{{- with include "db-health-exporter.volumeMounts" . }}
volumeMounts: {{- trim . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The fields that the restricted Pod Security Standard requires; no runAsUser, which a cluster may assign. */}}
{{- define "db-health-exporter.securityContext" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "db-health-exporter.volumeMounts" -}}
{{- if include "db-health-exporter.databaseSources" . }}
- {name: db-health-database, mountPath: {{ include "db-health-exporter.folder" . }}, readOnly: true}
{{- end }}
{{- if .values.exporter.webConfigSecret }}
- {name: db-health-web-config, mountPath: {{ include "db-health-exporter.webConfigFolder" . }}, readOnly: true}
{{- end }}
{{- with .values.exporter.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "db-health-exporter.webConfigFolder" -}}
/etc/db-health-exporter/web
{{- end }}

{{/* The volumes for those mounts; whole Secrets, never a subPath, so that a rotation arrives. */}}
{{- define "db-health-exporter.volumes" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- with include "db-health-exporter.databaseSources" . }}
- name: db-health-database
  projected:
    sources: {{- trim . | nindent 6 }}
{{- end }}
{{- with .values.exporter.webConfigSecret }}
- name: db-health-web-config
  secret: {secretName: {{ quote . }}}
{{- end }}
{{- with .values.exporter.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The container where it is a native sidecar: for the pod's initContainers. */}}
{{- define "db-health-exporter.initContainers" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- if .values.exporter.native }}{{ include "db-health-exporter.sidecar" . }}{{ end -}}
{{- end }}

{{/* The container where it is a plain one: for the pod's containers, after the application. */}}
{{- define "db-health-exporter.containers" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- if not .values.exporter.native }}{{ include "db-health-exporter.sidecar" . }}{{ end -}}
{{- end }}

{{/* The application container's readinessProbe; a named port would be looked up among its own ports. */}}
{{- define "db-health-exporter.readinessProbe" -}}
{{- include "db-health-exporter.prepare" . -}}
httpGet: {path: /readyz, port: {{ include "db-health-exporter.port" . }}}
periodSeconds: 1
timeoutSeconds: 1
failureThreshold: 2
{{- end }}

{{/* The application container's livenessProbe: it fails only for a state that a restart cures. */}}
{{- define "db-health-exporter.livenessProbe" -}}
{{- include "db-health-exporter.prepare" . -}}
httpGet: {path: /app/livez, port: {{ include "db-health-exporter.port" . }}}
periodSeconds: 5
timeoutSeconds: 1
failureThreshold: 2
{{- end }}
