{{/*
A value as a CEL expression. Each value of a map is a dyn: CEL wants one type for all values of a map, and objects of Kubernetes
have many types.
*/}}
{{- define "db-health-exporter.cel" -}}
{{- $parts := list -}}
{{- if kindIs "map" . -}}
{{- range $key, $value := . -}}
{{- $parts = append $parts (printf "%s: dyn(%s)" (toJson $key) (include "db-health-exporter.cel" $value)) -}}
{{- end -}}
{{- printf "{%s}" (join ", " $parts) -}}
{{- else if kindIs "slice" . -}}
{{- range . }}{{ $parts = append $parts (printf "dyn(%s)" (include "db-health-exporter.cel" .)) }}{{ end -}}
{{- printf "[%s]" (join ", " $parts) -}}
{{- else -}}
{{- toRawJson . -}}
{{- end -}}
{{- end }}
