{{/*
Values that are refused: each with a sentence that says what to set and never repeats a value that may hold a password.
*/}}

{{- define "db-health-exporter.validate" -}}
{{- if and .values.exporter.startupGate.enabled (not .values.exporter.native) (not .alone) -}}
{{- fail "exporter.startupGate.enabled needs exporter.native: a plain container holds no other back, so set one of the two" -}}
{{- end -}}
{{- include "db-health-exporter.validateImage" (dict "image" .values.exporter.image "at" "exporter.image") -}}
{{- include "db-health-exporter.validateSettings" (.values.exporter.settings | default dict) -}}
{{- include "db-health-exporter.validateResources" (dict "resources" (.values.exporter.resources | default dict) "at" "exporter.resources") -}}
{{- include "db-health-exporter.validateContainer" (dict "container" .values.exporter.container "at" "exporter.container") -}}
{{- if not .injected -}}
{{- include "db-health-exporter.validateDatabases" . -}}
{{- end -}}
{{- if and .values.exporter.webConfigSecret (eq (include "db-health-exporter.metricsPortName" .) "db-health") -}}
{{- fail "exporter.webConfigSecret is for a port beside the probes', which know no TLS: set exporter.settings.METRICS_PORT, such as 9852" -}}
{{- end -}}
{{- include "db-health-exporter.validateExtraEnv" . -}}
{{- include "db-health-exporter.validateMounts" . -}}
{{- end }}

{{/* An image ("image" in the dict, its path among the values in "at"), part by part. */}}
{{- define "db-health-exporter.validateImage" -}}
{{- $tag := include "db-health-exporter.imageTag" .image -}}
{{- with .image -}}
{{- if contains "@" (.repository | default "") -}}
{{- fail (printf "%s.repository holds a digest: set it as %s.digest" $.at $.at) -}}
{{- end -}}
{{- if regexMatch ":[^/]*$" (.repository | default "") -}}
{{- fail (printf "%s.repository holds a tag: set it as %s.tag" $.at $.at) -}}
{{- end -}}
{{- $part := "[a-z0-9]+(([.]|_{1,2}|-+)[a-z0-9]+)*" -}}
{{- if and .repository (not (regexMatch (printf "^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?/)?%s(/%s)*$" $part $part) .repository)) -}}
{{- fail (printf "%s.repository is no image's name: set lower-case letters, digits and . _ - with / between, such as registry.example/orders" $.at) -}}
{{- end -}}
{{- if and .registry (not (regexMatch "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]+)?(/[a-z0-9._-]+)*/?$" .registry)) -}}
{{- fail (printf "%s.registry is no registry: set a host, such as registry.example or registry.example:5000, without https://" $.at) -}}
{{- end -}}
{{- if and $tag (not (regexMatch "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" $tag)) -}}
{{- fail (printf "%s.tag is no tag: set up to 128 letters, digits and . _ -, or set a digest as %s.digest" $.at $.at) -}}
{{- end -}}
{{- if and .digest (not (regexMatch "^sha256:[0-9a-f]{64}$" .digest)) -}}
{{- fail (printf "%s.digest is no digest: set sha256: and 64 hexadecimal digits" $.at) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A container's raw map, whose name others rely on. */}}
{{- define "db-health-exporter.validateContainer" -}}
{{- if hasKey (.container | default dict) "name" -}}
{{- fail (printf "%s.name cannot be set: probes, annotations and dashboards know the container by its name" .at) -}}
{{- end -}}
{{- end }}

{{/* The API server takes each volume's name and each path once. */}}
{{- define "db-health-exporter.validateMounts" -}}
{{- $names := list "db-health-database" "db-health-web-config" -}}
{{- range .values.exporter.extraVolumes -}}
{{- if has .name $names -}}
{{- fail (printf "exporter.extraVolumes has a volume called %s, which is there already: rename it" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $folder := include "db-health-exporter.folder" . -}}
{{- $paths := list -}}
{{- range .values.exporter.extraVolumeMounts -}}
{{- if has .name (list "db-health-database" "db-health-web-config") -}}
{{- fail (printf "exporter.extraVolumeMounts mounts %s, which is the chart's own: give a volume of exporter.extraVolumes another name, and mount that" .name) -}}
{{- end -}}
{{- $path := .mountPath | trimSuffix "/" -}}
{{- if or (eq $path $folder) (hasPrefix (printf "%s/" $folder) $path) -}}
{{- fail (printf "exporter.extraVolumeMounts has a mount at %s, where the chart mounts the database's Secret: set another mountPath" $folder) -}}
{{- end -}}
{{- $web := include "db-health-exporter.webConfigFolder" . -}}
{{- if or (eq $path $web) (hasPrefix (printf "%s/" $web) $path) -}}
{{- fail (printf "exporter.extraVolumeMounts has a mount at %s, where the chart mounts exporter.webConfigSecret: set another mountPath" $web) -}}
{{- end -}}
{{- if has $path $paths -}}
{{- fail (printf "exporter.extraVolumeMounts has two mounts at %s: set another mountPath" $path) -}}
{{- end -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateSettings" -}}
{{- $known := include "db-health-exporter.settings" . | fromYaml -}}
{{- $elsewhere := include "db-health-exporter.settingsElsewhere" . | fromYaml -}}
{{- range $name, $value := . -}}
{{- with get $elsewhere $name -}}
{{- fail (printf "exporter.settings.%s is not taken here: set %s instead" $name .) -}}
{{- end -}}
{{- if not (hasKey $known $name) -}}
{{- fail (printf "exporter.settings.%s is no setting of the exporter: use one of %s" $name (keys $known | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if not (kindIs "invalid" $value) -}}
{{- with include "db-health-exporter.settingError" (dict "name" $name "value" $value) -}}
{{- fail (printf "exporter.settings.%s %s" $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .PROBE_TIMEOUT -}}
{{- $longest := include "db-health-exporter.longestProbeTimeout" . -}}
{{- if gt (include "db-health-exporter.seconds" (toString .) | float64) (float64 $longest) -}}
{{- fail (printf "exporter.settings.PROBE_TIMEOUT leaves the kubelet no answer in time: set at most %s, since a probe ends after 1 s and an answer takes up to PROBE_TIMEOUT + 0.1 s" $longest) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A limit that is set alone meets the request that the chart has by default. */}}
{{- define "db-health-exporter.validateResources" -}}
{{- $at := .at -}}
{{- $requests := .resources.requests | default dict -}}
{{- range $name, $limit := .resources.limits | default dict -}}
{{- $maximum := include "db-health-exporter.quantity" $limit -}}
{{- $minimum := include "db-health-exporter.quantity" (get $requests $name) -}}
{{- if and $maximum $minimum (lt (float64 $maximum) (float64 $minimum)) -}}
{{- fail (printf "%s.limits.%s is below %s.requests.%s: lower the request too, or raise the limit" $at $name $at $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Helm 4 applies on the server's side, where a name that comes twice fails. */}}
{{- define "db-health-exporter.validateExtraEnv" -}}
{{- $values := deepCopy .values -}}
{{- $_ := set $values.exporter "extraEnv" list -}}
{{- $taken := list -}}
{{- range include "db-health-exporter.env" (dict "root" .root "values" $values "alias" .alias) | fromYamlArray -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- $known := include "db-health-exporter.settings" . | fromYaml -}}
{{- $elsewhere := include "db-health-exporter.settingsElsewhere" . | fromYaml -}}
{{- $given := or $values.databases (include "db-health-exporter.addresses" (dict "database" $values.database)) -}}
{{- range .values.exporter.extraEnv -}}
{{- if hasKey $known .name -}}
{{- fail (printf "exporter.extraEnv sets %s, which the chart must know: use exporter.settings.%s" .name .name) -}}
{{- end -}}
{{- /* A Secret that another tool makes may say where the database is, where nothing else does. */ -}}
{{- if and (hasKey $elsewhere .name) (ne .name "POD_IP") (or $given (not .valueFrom) (eq .name "WEB_CONFIG_FILE")) -}}
{{- fail (printf "exporter.extraEnv sets %s, which the chart must know: set %s instead" .name (get $elsewhere .name)) -}}
{{- end -}}
{{- if has .name $taken -}}
{{- fail (printf "exporter.extraEnv sets %s, which is set already: remove it there" .name) -}}
{{- end -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- end }}
