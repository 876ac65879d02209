{{/*
The pod of modes app and standalone.
*/}}

{{/* Its specification, as YAML; "pod" among the values is merged last. */}}
{{- define "db-health-exporter.podSpec" -}}
{{- $spec := include "db-health-exporter.podSpecDefaults" . | fromYaml -}}
{{- with include "db-health-exporter.rawPod" . | fromJson -}}
{{- $spec = include "db-health-exporter.merged" (dict "base" $spec "over" (.spec | default dict)) | fromJson -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end }}

{{/* The raw map "pod" as {metadata, spec}: fields that stand at its top level belong to the specification. */}}
{{- define "db-health-exporter.rawPod" -}}
{{- $pod := .values.pod | default dict -}}
{{- $spec := omit $pod "metadata" "spec" -}}
{{- dict "metadata" ($pod.metadata | default dict) "spec" (mergeOverwrite (deepCopy ($pod.spec | default dict)) $spec) | toJson -}}
{{- end }}

{{- define "db-health-exporter.podSpecDefaults" -}}
{{- $app := eq .values.mode "app" -}}
{{- $sidecar := include "db-health-exporter.sidecar" . | fromYamlArray -}}
{{- $initContainers := .values.extraInitContainers | default list -}}
{{- $containers := list -}}
{{- if $app -}}
{{- $containers = list (include "db-health-exporter.appContainer" . | fromYaml) -}}
{{- end -}}
{{- if and $app .values.exporter.native -}}
{{- $initContainers = concat $initContainers $sidecar -}}
{{- else -}}
{{- $containers = concat $containers $sidecar -}}
{{- end -}}
{{- $containers = concat $containers (.values.extraContainers | default list) -}}
{{ include "db-health-exporter.podPlacement" . }}
{{- with $initContainers }}
initContainers: {{- toYaml . | nindent 2 }}
{{- end }}
containers: {{- toYaml $containers | nindent 2 }}
{{- with include "db-health-exporter.podVolumes" . | fromYamlArray }}
volumes: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "db-health-exporter.podVolumes" -}}
{{- include "db-health-exporter.volumes" . }}
{{- with .values.app.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Its annotations; by a hash of the chart's own Secret, application and exporter restart together. */}}
{{- define "db-health-exporter.podAnnotations" -}}
{{- $annotations := dict "kubectl.kubernetes.io/default-container" (eq .values.mode "app" | ternary "app" "db-health-exporter") -}}
{{- with include "db-health-exporter.secretChecksum" . -}}
{{- $_ := set $annotations "checksum/database" . -}}
{{- end -}}
{{- merge dict (.values.podAnnotations | default dict) $annotations | toYaml -}}
{{- end }}
