{{/*
Templates that the three modes share. Every template takes the library's dict: "root" is the chart's context, "values" its values.
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

{{/* The chart's pull secrets and those of all charts, as a JSON list; each may be a name or {name: …}. */}}
{{- define "db-health-exporter.allPullSecrets" -}}
{{- $all := list -}}
{{- range concat (.values.imagePullSecrets | default list) ((.values.global | default dict).imagePullSecrets | default list) -}}
{{- $all = append $all (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- uniq $all | toJson -}}
{{- end }}

{{/* The part of a pod's specification that says where, as whom and with which images it runs. */}}
{{- define "db-health-exporter.podPlacement" -}}
automountServiceAccountToken: {{ .values.serviceAccount.automount }}
enableServiceLinks: {{ .values.enableServiceLinks }}
serviceAccountName: {{ include "db-health-exporter.serviceAccountName" . | quote }}
{{- with include "db-health-exporter.allPullSecrets" . | fromJsonArray }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := tuple "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" }}
{{- with get $.values $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- end }}

{{/*
Completes the chart's values in place: null, as an umbrella chart has it, gives a default back, and takes a database or a quantity
away. Every file begins with it, whichever Helm renders first.
*/}}
{{- define "db-health-exporter.complete" -}}
{{- include "db-health-exporter.fill" (dict "into" .Values "from" (include "db-health-exporter.required" . | fromYaml)) -}}
{{- $maps := list .Values.databases -}}
{{- range list .Values.app.resources .Values.exporter.resources -}}
{{- with . }}{{ $maps = concat $maps (list .requests .limits) }}{{ end -}}
{{- end -}}
{{- include "db-health-exporter.dropNulls" (dict "maps" $maps) -}}
{{- end }}

{{/* Adds what is missing, or null, in a map. */}}
{{- define "db-health-exporter.fill" -}}
{{- range $name, $default := .from -}}
{{- $given := hasKey $.into $name | ternary (get $.into $name) nil -}}
{{- if kindIs "invalid" $given -}}
{{- $_ := set $.into $name $default -}}
{{- else if and (kindIs "map" $given) (kindIs "map" $default) -}}
{{- include "db-health-exporter.fill" (dict "into" $given "from" $default) -}}
{{- end -}}
{{- end -}}
{{- end }}
