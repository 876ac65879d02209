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
{{- else -}}
{{- include "db-health-exporter.validateNoApp" . -}}
{{- end -}}
{{- if ne .values.mode "injection" -}}
{{- include "db-health-exporter.validatePod" . -}}
{{- end -}}
{{- if eq .values.mode "injection" -}}
{{- include "db-health-exporter.validateInjection" . -}}
{{- end -}}
{{- if and (eq .values.mode "standalone") .values.exporter.startupGate.enabled -}}
{{- fail "exporter.startupGate.enabled gates an application's start, and mode standalone has none: remove it" -}}
{{- end -}}
{{- end }}

{{/* What the chart can only know where it makes the pods and the Service. */}}
{{- define "db-health-exporter.validatePod" -}}
{{- $taken := list -}}
{{- range .values.exporter.extraVolumes }}{{ $taken = append $taken .name }}{{ end -}}
{{- range .values.exporter.extraVolumeMounts -}}
{{- if not (has .name $taken) -}}
{{- fail (printf "exporter.extraVolumeMounts mounts %s, which is no volume: add it to exporter.extraVolumes" .name) -}}
{{- end -}}
{{- end -}}
{{- range .values.app.volumes -}}
{{- if has .name (append $taken "db-health-database") -}}
{{- fail (printf "app.volumes has a volume called %s, which is there already: rename it" .name) -}}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- $name := include "db-health-exporter.fullname" . -}}
{{- if and (or (eq .values.mode "standalone") .values.app.service.enabled) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) -}}
{{- fail (printf "%s cannot be a Service's name: set fullnameOverride to letters, digits and -, a letter first" $name) -}}
{{- end -}}
{{- end }}

{{/* What no other mode reads; a policy gives the application its probes, and a Service alone has its annotations. */}}
{{- define "db-health-exporter.validateNoApp" -}}
{{- $mode := .values.mode -}}
{{- $app := .values.app -}}
{{- $given := pick $app "command" "args" "port" "env" "envFrom" "resources" "readinessProbe" "livenessProbe" "volumes" "volumeMounts" -}}
{{- $_ := set $given "image" $app.image.repository -}}
{{- $_ := set $given "service.enabled" $app.service.enabled -}}
{{- $_ := set $given "replicas" (has (toString $app.replicas) (list "1" "<nil>") | ternary nil $app.replicas) -}}
{{- if eq $mode "standalone" -}}
{{- $_ := set $given "probes.liveness" $app.probes.liveness -}}
{{- else -}}
{{- $_ := set $given "service.annotations" $app.service.annotations -}}
{{- end -}}
{{- range $name, $value := $given -}}
{{- if or $value (and (eq $name "replicas") (not (kindIs "invalid" $value))) -}}
{{- fail (printf "app.%s is set, but mode %s deploys no application: remove it or set mode to app" $name $mode) -}}
{{- end -}}
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
{{- range $port := list (include "db-health-exporter.port" .) (include "db-health-exporter.metricsPort" .) -}}
{{- if eq $port (toString $.values.app.port) -}}
{{- fail (printf "app.port %s is the exporter's as well: set exporter.settings.LISTEN_PORT or METRICS_PORT to another" $port) -}}
{{- end -}}
{{- end -}}
{{- if and .values.app.service.enabled (not .values.app.port) -}}
{{- fail "app.service.enabled needs app.port: set the port that the application listens on" -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateInjection" -}}
{{- $given := pick .values "podLabels" "podAnnotations" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- $_ := set $given "serviceAccount.create" .values.serviceAccount.create -}}
{{- $_ := set $given "serviceAccount.name" .values.serviceAccount.name -}}
{{- range $name, $value := $given -}}
{{- if $value -}}
{{- fail (printf "%s is set, but mode injection makes no pods of its own: remove it, or set mode to app or standalone" $name) -}}
{{- end -}}
{{- end -}}
{{- if or .values.databases (include "db-health-exporter.database.given" .values) -}}
{{- fail "mode injection takes the database from each application's own DATABASE_* variables: remove database and databases" -}}
{{- end -}}
{{- if semverCompare "<1.36.0-0" .root.Capabilities.KubeVersion.Version -}}
{{- fail (printf "mode injection needs Kubernetes 1.36 or later for MutatingAdmissionPolicy, and this is %s: set mode to app, or use the library chart" .root.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end }}
