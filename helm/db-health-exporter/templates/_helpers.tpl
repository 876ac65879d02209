{{/*
What the three modes share. The library's templates take a dict of the chart's context and the exporter's values.
*/}}

{{/* Labels that never change: the workload is selected by them. */}}
{{- define "db-health-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "db-health-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .values.mode }}
{{- end }}

{{- define "db-health-exporter.metadata" -}}
name: {{ include "db-health-exporter.fullname" . | quote }}
namespace: {{ .root.Release.Namespace | quote }}
labels: {{- include "db-health-exporter.labels" . | nindent 2 }}
{{- end }}

{{/* Metadata of a monitoring object; "object" holds its labels, annotations and namespace. */}}
{{- define "db-health-exporter.monitoringMetadata" -}}
namespace: {{ .object.namespace | default .root.Release.Namespace | quote }}
labels: {{- merge (deepCopy (.object.labels | default dict)) (include "db-health-exporter.labels" . | fromYaml) | toYaml | nindent 2 }}
{{- with .object.annotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "db-health-exporter.serviceAccountName" -}}
{{- $made := .values.serviceAccount.create | ternary (include "db-health-exporter.fullname" .) "default" -}}
{{- .values.serviceAccount.name | default $made -}}
{{- end }}

{{- define "db-health-exporter.allPullSecrets" -}}
{{- concat (.values.imagePullSecrets | default list) ((.values.global | default dict).imagePullSecrets | default list) | uniq | toJson -}}
{{- end }}

{{- define "db-health-exporter.imagePullSecrets" -}}
{{- with include "db-health-exporter.allPullSecrets" . | fromJsonArray }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The part of a pod's specification that says where and as whom it runs. */}}
{{- define "db-health-exporter.podPlace" -}}
automountServiceAccountToken: {{ .values.serviceAccount.automount }}
enableServiceLinks: {{ .values.enableServiceLinks }}
serviceAccountName: {{ include "db-health-exporter.serviceAccountName" . | quote }}
{{- include "db-health-exporter.imagePullSecrets" . }}
{{- range $key := tuple "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" }}
{{- with get $.values $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}
