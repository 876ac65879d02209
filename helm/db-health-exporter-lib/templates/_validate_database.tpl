{{/*
Databases that are refused.
*/}}

{{/* A sentence about the missing database, or nothing. */}}
{{- define "db-health-exporter.databaseMissing" -}}
{{- $single := include "db-health-exporter.addresses" (dict "database" .values.database) -}}
{{- if not (or .values.databases $single (eq (include "db-health-exporter.addressInExtraEnv" .) "true")) -}}
no database is given: set database.existingSecret.name, database.url, database.host or databases
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateDatabases" -}}
{{- with include "db-health-exporter.databaseMissing" . }}{{ fail . }}{{ end -}}
{{- with .values -}}
{{- $single := include "db-health-exporter.addresses" (dict "database" .database) -}}
{{- if and .databases $single -}}
{{- fail "database and databases are both set: keep one of them" -}}
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
{{- if not (include "db-health-exporter.addresses" (dict "database" $database)) -}}
{{- fail (printf "%s has no address: set %s.existingSecret.name, .url or .host" $at $at) -}}
{{- end -}}
{{- include "db-health-exporter.validateDatabase" (dict "database" $database "at" $at) -}}
{{- if eq (toString $database.fromFiles) "false" -}}
{{- fail (printf "%s.fromFiles must stay true: several databases are read from files" $at) -}}
{{- end -}}
{{- $suffix := include "db-health-exporter.suffix" $name -}}
{{- if eq $suffix "_FILE" -}}
{{- fail (printf "%s would be DATABASE_URL_FILE, which names a file that holds a URL: rename it" $at) -}}
{{- end -}}
{{- with get $suffixes $suffix -}}
{{- fail (printf "databases.%s and databases.%s would both be DATABASE_URL%s: rename one of them" . $name $suffix) -}}
{{- end -}}
{{- $_ := set $suffixes $suffix $name -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "db-health-exporter.validateDatabase" -}}
{{- $addresses := include "db-health-exporter.addresses" . -}}
{{- $at := .at -}}
{{- if contains "," $addresses -}}
{{- fail (printf "%s has more than one address: set one of existingSecret.name, fromSecret.name, url and host" $at) -}}
{{- end -}}
{{- with .database -}}
{{- if and .url (not (regexMatch (printf "^(?i)(%s)([+][a-z0-9_.+-]+)?://" (include "db-health-exporter.schemes" .)) .url)) -}}
{{- fail (printf "%s.url must begin with postgresql:// (or postgres://, postgresql+asyncpg:// and the like)" $at) -}}
{{- end -}}
{{- $keys := dig "fromSecret" "keys" (dict) . -}}
{{- if and .parameters (or (not (has $addresses (list "host" "fromSecret"))) $keys.json) -}}
{{- fail (printf "%s.parameters belongs to %s.host: write the parameters into the URL instead" $at $at) -}}
{{- end -}}
{{- $parts := dict "name" .name "user" .user "passwordSecret.name" (dig "passwordSecret" "name" "" .) -}}
{{- range $name, $value := $parts -}}
{{- if and $value (ne $addresses "host") -}}
{{- fail (printf "%s.%s belongs to %s.host: leave it out, since the %s says it" $at $name $at (eq $addresses "fromSecret" | ternary "Secret" "URL")) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "://|@" (.host | default "") -}}
{{- fail (printf "%s.host must be a name or an address alone: give a URL by %s.existingSecret.name or .url" $at $at) -}}
{{- end -}}
{{- if regexMatch "(?i)(^|[&?])[^=&]*password[^=&]*=" (.parameters | default "") -}}
{{- fail (printf "%s.parameters must hold no password, which anybody who sees the pod could read: use %s.passwordSecret.name, or a URL" $at $at) -}}
{{- end -}}
{{- if and .host (not (and .name .user)) -}}
{{- fail (printf "%s.host is set: set %s.name and %s.user too" $at $at $at) -}}
{{- end -}}
{{- if and (eq $addresses "fromSecret") (not $keys.json) (eq "" (toString (dig "host" "host" $keys))) -}}
{{- fail (printf "%s.fromSecret.keys.host is empty: name the Secret's key that holds the host, or keys.json for one that holds all as JSON" $at) -}}
{{- end -}}
{{- end -}}
{{- end }}
