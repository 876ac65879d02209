{{/*
What is refused: one sentence each, that says what to set and never repeats a value that may hold a password.
*/}}

{{- define "db-health-exporter.requireValues" -}}
{{- if not .values -}}
{{- fail "db-health-exporter: the values are missing: give the dependency `alias: dbHealth` and pass (dict \"root\" $ \"values\" .Values.dbHealth)" -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validate" -}}
{{- if and .values.exporter.startupGate.enabled (not .values.exporter.native) (not .alone) -}}
{{- fail "exporter.startupGate.enabled needs exporter.native: a plain container holds no other back, so set one of the two" -}}
{{- end -}}
{{- include "db-health-exporter.validateSettings" (.values.exporter.settings | default dict) -}}
{{- include "db-health-exporter.validateResources" (dict "resources" (.values.exporter.resources | default dict) "at" "exporter.resources") -}}
{{- if not .injected -}}
{{- include "db-health-exporter.validateDatabases" . -}}
{{- end -}}
{{- include "db-health-exporter.validateExtraEnv" . -}}
{{- include "db-health-exporter.validateVolumes" . -}}
{{- end }}

{{/* The API server takes each volume's name and each path once. */}}
{{- define "db-health-exporter.validateVolumes" -}}
{{- range .values.exporter.extraVolumes -}}
{{- if has .name (list "db-health-database") -}}
{{- fail (printf "exporter.extraVolumes has a volume called %s, as the chart does: rename it" .name) -}}
{{- end -}}
{{- end -}}
{{- $folder := include "db-health-exporter.folder" . -}}
{{- range .values.exporter.extraVolumeMounts -}}
{{- if hasPrefix $folder (.mountPath | default "") -}}
{{- fail (printf "exporter.extraVolumeMounts has a mount at %s, where the chart mounts the database's Secret: set another mountPath" $folder) -}}
{{- end -}}
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
{{- with include "db-health-exporter.settingError" (dict "name" $name "value" $value) -}}
{{- fail (printf "exporter.settings.%s %s" $name .) -}}
{{- end -}}
{{- end -}}
{{- with .PROBE_TIMEOUT -}}
{{- $longest := include "db-health-exporter.longestProbeTimeout" . -}}
{{- if gt (include "db-health-exporter.seconds" (toString .) | float64) (float64 $longest) -}}
{{- fail (printf "exporter.settings.PROBE_TIMEOUT leaves the kubelet no answer in time: set at most %s, since a probe ends after 1 s and an answer takes up to PROBE_TIMEOUT + 0.1 s" $longest) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A limit alone meets the request that the chart has by default. */}}
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
{{- range include "db-health-exporter.env" (dict "root" .root "values" $values) | fromYamlArray -}}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- $known := include "db-health-exporter.settings" . | fromYaml -}}
{{- $elsewhere := include "db-health-exporter.settingsElsewhere" . | fromYaml -}}
{{- $given := or $values.databases (include "db-health-exporter.database.given" $values) -}}
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

{{- define "db-health-exporter.validateDatabases" -}}
{{- $own := include "db-health-exporter.ownDatabase" . -}}
{{- with .values -}}
{{- $single := include "db-health-exporter.database.given" . -}}
{{- if and .databases $single -}}
{{- fail "database and databases are both set: keep one of them" -}}
{{- end -}}
{{- if not (or .databases $single (eq $own "true")) -}}
{{- fail "no database is given: set database.existingSecret.name, database.url, database.host or databases" -}}
{{- end -}}
{{- if $single -}}
{{- include "db-health-exporter.validateDatabase" (dict "database" .database "at" "database") -}}
{{- end -}}
{{- $suffixes := dict -}}
{{- range $name, $database := .databases -}}
{{- $at := printf "databases.%s" $name -}}
{{- if not (regexMatch "^[A-Za-z][A-Za-z0-9_-]{0,39}$" $name) -}}
{{- fail (printf "%s cannot be a name: use up to 40 letters, digits, - and _, a letter first" $at) -}}
{{- end -}}
{{- if not (include "db-health-exporter.database.given" (dict "database" $database)) -}}
{{- fail (printf "%s has no address: set %s.existingSecret.name, .url or .host" $at $at) -}}
{{- end -}}
{{- include "db-health-exporter.validateDatabase" (dict "database" $database "at" $at) -}}
{{- if eq (toString $database.fromFiles) "false" -}}
{{- fail (printf "%s.fromFiles must stay true: several databases are read from files" $at) -}}
{{- end -}}
{{- $suffix := $name | upper | replace "-" "_" -}}
{{- if eq $suffix "FILE" -}}
{{- fail (printf "%s would be DATABASE_URL_FILE, which names a file that holds a URL: rename it" $at) -}}
{{- end -}}
{{- with get $suffixes $suffix -}}
{{- fail (printf "databases.%s and databases.%s would both be DATABASE_URL_%s: rename one of them" . $name $suffix) -}}
{{- end -}}
{{- $_ := set $suffixes $suffix $name -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateDatabase" -}}
{{- $ways := compact (list .database.url .database.host (dig "existingSecret" "name" "" .database)) -}}
{{- if gt (len $ways) 1 -}}
{{- fail (printf "%s has more than one address: set one of existingSecret.name, url and host" .at) -}}
{{- end -}}
{{- if and .database.url (not (regexMatch "^postgres(ql)?([+][a-z0-9]+)?://" .database.url)) -}}
{{- fail (printf "%s.url must begin with postgresql:// (or postgres://, postgresql+asyncpg:// and the like)" .at) -}}
{{- end -}}
{{- if and .database.parameters (not .database.host) -}}
{{- fail (printf "%s.parameters belongs to %s.host: write the parameters into the URL instead" .at .at) -}}
{{- end -}}
{{- $alone := dict "name" .database.name "user" .database.user "passwordSecret.name" (dig "passwordSecret" "name" "" .database) -}}
{{- range $name, $value := $alone -}}
{{- if and $value (not $.database.host) -}}
{{- fail (printf "%s.%s belongs to %s.host: leave it out, since the URL says it" $.at $name $.at) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "://|@" (.database.host | default "") -}}
{{- fail (printf "%s.host must be a name or an address alone: give a URL by %s.existingSecret.name or .url" .at .at) -}}
{{- end -}}
{{- if regexMatch "(?i)(^|[&?])[^=&]*password[^=&]*=" (.database.parameters | default "") -}}
{{- fail (printf "%s.parameters must hold no password, which anybody who sees the pod could read: use %s.passwordSecret.name, or a URL" .at .at) -}}
{{- end -}}
{{- if and .database.host (not (and .database.name .database.user)) -}}
{{- fail (printf "%s.host is set: set %s.name and %s.user too" .at .at .at) -}}
{{- end -}}
{{- end }}
