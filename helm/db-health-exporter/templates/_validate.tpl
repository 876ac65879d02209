{{/*
Values that do not go together with the mode: one sentence each.
*/}}
{{- define "db-health-exporter.validateMode" -}}
{{- $app := .values.app -}}
{{- if eq .values.mode "app" -}}
{{- if not $app.image.repository -}}
{{- $missing := include "db-health-exporter.databaseMissing" . -}}
{{- fail (printf "app.image.repository is empty: set the application's image, or set mode to injection or standalone%s" (empty $missing | ternary "" (printf "; and %s" $missing))) -}}
{{- end -}}
{{- include "db-health-exporter.validateApp" . -}}
{{- else -}}
{{- include "db-health-exporter.validateNoApp" . -}}
{{- end -}}
{{- if and (eq .values.mode "standalone") .values.exporter.startupGate.enabled -}}
{{- fail "exporter.startupGate.enabled gates an application's start, and mode standalone has none: remove it" -}}
{{- end -}}
{{- if .values.monitoring.serviceMonitor.enabled -}}
{{- if ne .values.mode "standalone" -}}
{{- fail (printf "monitoring.serviceMonitor.enabled needs the Service of mode standalone, and mode %s has none: set monitoring.podMonitor.enabled instead" .values.mode) -}}
{{- end -}}
{{- if .values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring.podMonitor.enabled and monitoring.serviceMonitor.enabled would both have the exporter scraped: keep one of them" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Checks for the modes in which the chart makes the pods and the Service. */}}
{{- define "db-health-exporter.validatePod" -}}
{{- $spec := (include "db-health-exporter.rawPod" . | fromJson).spec -}}
{{- $os := merge dict ($spec.nodeSelector | default dict) (.values.nodeSelector | default dict) -}}
{{- if or (eq "windows" (dig "os" "name" "" $spec)) (eq "windows" (get $os "kubernetes.io/os" | toString)) -}}
{{- fail "the pod is for Windows nodes, and the exporter runs on Linux alone: run it by itself in mode standalone" -}}
{{- end -}}
{{- $volumes := list "db-health-database" "db-health-web-config" -}}
{{- range .values.exporter.extraVolumes }}{{ $volumes = append $volumes .name }}{{ end -}}
{{- include "db-health-exporter.validateMountedVolumes" (dict "values" .values "volumes" $volumes) -}}
{{- $missing := list -}}
{{- if not (include "db-health-exporter.databaseSources" .) }}{{ $missing = append $missing "db-health-database" }}{{ end -}}
{{- if not .values.exporter.webConfigSecret }}{{ $missing = append $missing "db-health-web-config" }}{{ end -}}
{{- range .values.app.volumes -}}
{{- if has .name $volumes -}}
{{- fail (printf "app.volumes has a volume called %s, which is there already: rename it" .name) -}}
{{- end -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- range (include "db-health-exporter.rawPod" . | fromJson).spec.volumes }}{{ $volumes = append $volumes .name }}{{ end -}}
{{- range .values.app.volumeMounts -}}
{{- if or (not (has .name $volumes)) (has .name $missing) -}}
{{- fail (printf "app.volumeMounts mounts %s, which is no volume: add it to app.volumes" .name) -}}
{{- end -}}
{{- end -}}
{{- $containers := list "db-health-exporter" -}}
{{- if eq .values.mode "app" }}{{ $containers = append $containers "app" }}{{ end -}}
{{- range $key := tuple "extraInitContainers" "extraContainers" -}}
{{- range get $.values $key | default list -}}
{{- if has .name $containers -}}
{{- fail (printf "%s has a container called %s, which is there already: rename it" $key .name) -}}
{{- end -}}
{{- $containers = append $containers .name -}}
{{- end -}}
{{- end -}}
{{- $name := include "db-health-exporter.fullname" . -}}
{{- if and (or (eq .values.mode "standalone") .values.app.service.enabled) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) -}}
{{- fail (printf "%s cannot be a Service's name: set fullnameOverride to letters, digits and -, a letter first" $name) -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateMountedVolumes" -}}
{{- range .values.exporter.extraVolumeMounts -}}
{{- if not (has .name $.volumes) -}}
{{- fail (printf "exporter.extraVolumeMounts mounts %s, which is no volume: add it to exporter.extraVolumes" .name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Values that only mode app reads; a policy gives the application its probes, and a Service alone has its annotations. */}}
{{- define "db-health-exporter.validateNoApp" -}}
{{- $mode := .values.mode -}}
{{- $app := .values.app -}}
{{- $given := pick $app "command" "args" "port" "env" "envFrom" "resources" "startupProbe" "readinessProbe" "livenessProbe" "volumes" "volumeMounts" "container" -}}
{{- $_ := set $given "image" $app.image.repository -}}
{{- $_ := set $given "service.enabled" $app.service.enabled -}}
{{- if not (kindIs "invalid" $app.replicas) }}{{ $_ := set $given "replicas" "given" }}{{ end -}}
{{- if eq $mode "standalone" -}}
{{- $_ := set $given "probes.liveness" $app.probes.liveness -}}
{{- else -}}
{{- $_ := set $given "service.annotations" $app.service.annotations -}}
{{- end -}}
{{- range $name, $value := $given -}}
{{- if $value -}}
{{- fail (printf "app.%s is set, but mode %s deploys no application: remove it or set mode to app" $name $mode) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateApp" -}}
{{- $app := .values.app -}}
{{- include "db-health-exporter.validateImage" (dict "image" $app.image "at" "app.image") -}}
{{- include "db-health-exporter.validateResources" (dict "resources" ($app.resources | default dict) "at" "app.resources") -}}
{{- include "db-health-exporter.validateContainer" (dict "container" $app.container "at" "app.container") -}}
{{- $given := ternary (include "db-health-exporter.databaseEnv" . | fromYamlArray) list $app.databaseEnv -}}
{{- $taken := list -}}
{{- range $given }}{{ $taken = append $taken .name }}{{ end -}}
{{- range $app.env -}}
{{- if has .name $taken -}}
{{- fail (printf "app.env sets %s, which is set already: remove it there, or set app.databaseEnv to false" .name) -}}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- $paths := list -}}
{{- range $app.volumeMounts -}}
{{- if has (trimSuffix "/" .mountPath) $paths -}}
{{- fail (printf "app.volumeMounts has two mounts at %s: set another mountPath" .mountPath) -}}
{{- end -}}
{{- $paths = append $paths (trimSuffix "/" .mountPath) -}}
{{- end -}}
{{- range $port := list (include "db-health-exporter.port" .) (include "db-health-exporter.metricsPort" .) -}}
{{- if eq $port (toString $app.port) -}}
{{- fail (printf "app.port %s is the exporter's as well: set exporter.settings.LISTEN_PORT or METRICS_PORT to another" $port) -}}
{{- end -}}
{{- end -}}
{{- if and $app.service.enabled (not $app.port) -}}
{{- fail "app.service.enabled needs app.port: set the port that the application listens on" -}}
{{- end -}}
{{- end }}
