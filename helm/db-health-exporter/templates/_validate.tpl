{{/*
Values that do not go together with the mode: one sentence each.
*/}}
{{- define "db-health-exporter.validateMode" -}}
{{- $app := .values.app -}}
{{- if eq .values.mode "app" -}}
{{- if not $app.image.repository -}}
{{- fail "app.image.repository is empty: set the application's image, or set mode to injection or standalone" -}}
{{- end -}}
{{- include "db-health-exporter.validateAppEnv" . -}}
{{- include "db-health-exporter.validateResources" (dict "resources" ($app.resources | default dict) "at" "app.resources") -}}
{{- else if $app.image.repository -}}
{{- fail (printf "app.image is set, but mode %s deploys no application: remove it or set mode to app" .values.mode) -}}
{{- end -}}
{{- if eq .values.mode "injection" -}}
{{- include "db-health-exporter.validateInjection" . -}}
{{- end -}}
{{- if and (eq .values.mode "standalone") .values.exporter.startupGate.enabled -}}
{{- fail "exporter.startupGate.enabled gates an application's start, and mode standalone has none: remove it" -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateAppEnv" -}}
{{- $given := ternary (include "db-health-exporter.databaseEnv" . | fromYamlArray) list .values.app.databaseEnv -}}
{{- $taken := list -}}
{{- range $given }}{{ $taken = append $taken .name }}{{ end -}}
{{- range .values.app.env -}}
{{- if has .name $taken -}}
{{- fail (printf "app.env sets %s, which is set already: remove it there, or set app.databaseEnv to false" .name) -}}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- if and .values.app.service.enabled (not .values.app.port) -}}
{{- fail "app.service.enabled needs app.port: set the port that the application listens on" -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateInjection" -}}
{{- if or .values.databases (include "db-health-exporter.database.given" .values) -}}
{{- fail "mode injection takes the database from each application's own DATABASE_* variables: remove database and databases" -}}
{{- end -}}
{{- if semverCompare "<1.36.0-0" .root.Capabilities.KubeVersion.Version -}}
{{- fail (printf "mode injection needs Kubernetes 1.36 or later for MutatingAdmissionPolicy, and this is %s: set mode to app, or use the library chart" .root.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end }}
