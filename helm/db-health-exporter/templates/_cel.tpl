{{/*
A Kubernetes object as a CEL expression of its type, such as Object.spec.initContainers{name: "x"}: the admission
policy takes the same container that mode app deploys. "type" is the field's path, "value" what stands there.
*/}}
{{- define "db-health-exporter.cel" -}}
{{- $type := .type -}}
{{- $parts := list -}}
{{- if kindIs "map" .value -}}
{{- $quantities := regexMatch "[.](requests|limits)$" $type -}}
{{- range $key, $value := .value -}}
{{- if $quantities -}}
{{- $parts = append $parts (printf "%s: %s" (toJson $key) (toString $value | toJson)) -}}
{{- else -}}
{{- $cel := include "db-health-exporter.cel" (dict "type" (printf "%s.%s" $type $key) "value" $value) -}}
{{- $parts = append $parts (printf "%s: %s" $key $cel) -}}
{{- end -}}
{{- end -}}
{{- printf "%s{%s}" (ternary "" $type $quantities) (join ", " $parts) -}}
{{- else if kindIs "slice" .value -}}
{{- range .value -}}
{{- $parts = append $parts (include "db-health-exporter.cel" (dict "type" $type "value" .)) -}}
{{- end -}}
{{- printf "[%s]" (join ", " $parts) -}}
{{- else -}}
{{- toJson .value -}}
{{- end -}}
{{- end }}
