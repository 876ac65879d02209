{{/*
The exporter alone: a plain container, since a pod needs one, that is ready when it says so itself.
*/}}
{{- define "db-health-exporter.standaloneContainer" -}}
{{- $values := deepCopy .values -}}
{{- $_ := set $values.exporter "native" false -}}
{{- $container := include "db-health-exporter.sidecar" (dict "root" .root "values" $values "alone" true) | fromYamlArray | first -}}
{{- $_ := set $container "readinessProbe" (include "db-health-exporter.readinessProbe" . | fromYaml) -}}
{{- list $container | toYaml -}}
{{- end }}
