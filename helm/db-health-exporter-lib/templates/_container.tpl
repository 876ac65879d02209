{{/*
The exporter's container and what it needs of its pod.
*/}}

{{- define "db-health-exporter.sidecar" -}}
{{- include "db-health-exporter.validate" . -}}
- name: db-health-exporter
  image: {{ include "db-health-exporter.image" . | quote }}
  imagePullPolicy: {{ .values.exporter.image.pullPolicy }}
  {{- if .values.exporter.native }}
  restartPolicy: Always
  {{- end }}
  env: {{- include "db-health-exporter.env" . | nindent 4 }}
  ports:
    - {name: db-health, containerPort: {{ include "db-health-exporter.port" . }}, protocol: TCP}
    {{- if ne (include "db-health-exporter.metricsPortName" .) "db-health" }}
    - {name: db-metrics, containerPort: {{ include "db-health-exporter.metricsPort" . }}, protocol: TCP}
    {{- end }}
  {{- /* The start of a native sidecar holds back the application's: until the port listens, or the database answered. */}}
  startupProbe:
    httpGet: {path: {{ .values.exporter.startupGate.enabled | ternary "/healthz" "/livez" }}, port: db-health}
    periodSeconds: 1
    timeoutSeconds: 1
    failureThreshold: {{ .values.exporter.startupGate.enabled | ternary 86400 60 }}
  livenessProbe:
    httpGet: {path: /livez, port: db-health}
    periodSeconds: 10
    timeoutSeconds: 1
    failureThreshold: 3
  {{- /* No readinessProbe: it would count toward the pod's readiness in every mode. */}}
  resources: {{- .values.exporter.resources | default dict | toYaml | nindent 4 }}
  securityContext: {{- include "db-health-exporter.securityContext" . | nindent 4 }}
  {{- with include "db-health-exporter.volumeMounts" . }}
  volumeMounts: {{- trim . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* What the restricted Pod Security Standard asks for; no runAsUser, which a cluster may assign. */}}
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
{{- with .values.exporter.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The volumes for those mounts; whole Secrets, never a subPath, so that a rotation arrives. */}}
{{- define "db-health-exporter.volumes" -}}
{{- include "db-health-exporter.requireValues" . -}}
{{- with include "db-health-exporter.databaseSources" . }}
- name: db-health-database
  projected:
    sources: {{- trim . | nindent 6 }}
{{- end }}
{{- with .values.exporter.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The container where it is a native sidecar: for the pod's initContainers. */}}
{{- define "db-health-exporter.initContainers" -}}
{{- include "db-health-exporter.requireValues" . -}}
{{- if .values.exporter.native }}{{ include "db-health-exporter.sidecar" . }}{{ end -}}
{{- end }}

{{/* The container where it is a plain one: for the pod's containers, after the application. */}}
{{- define "db-health-exporter.containers" -}}
{{- include "db-health-exporter.requireValues" . -}}
{{- if not .values.exporter.native }}{{ include "db-health-exporter.sidecar" . }}{{ end -}}
{{- end }}

{{/* The application container's readinessProbe; a named port would be looked up among its own ports. */}}
{{- define "db-health-exporter.readinessProbe" -}}
httpGet: {path: /readyz, port: {{ include "db-health-exporter.port" . }}}
periodSeconds: 1
timeoutSeconds: 1
failureThreshold: 2
{{- end }}

{{/* The application container's livenessProbe: it fails only for a state that a restart cures. */}}
{{- define "db-health-exporter.livenessProbe" -}}
httpGet: {path: /app/livez, port: {{ include "db-health-exporter.port" . }}}
periodSeconds: 5
timeoutSeconds: 1
failureThreshold: 2
{{- end }}
