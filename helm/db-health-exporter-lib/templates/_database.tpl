{{/*
The databases' addresses, for the exporter, the application, and the volume with their Secrets.

Templates that take one database find it in the dict as "database", and its name, which is empty for a single one, as "as".
*/}}

{{/* The databases by name, as YAML. */}}
{{- define "db-health-exporter.databases" -}}
{{- if .values.databases }}{{ toYaml .values.databases }}{{ else }}{{ dict "" (.values.database | default dict) | toYaml }}{{ end -}}
{{- end }}

{{/* The fields of a database ("database" in the dict) that say where it is, joined by commas. */}}
{{- define "db-health-exporter.addresses" -}}
{{- with .database -}}
{{- $addresses := dict "url" .url "host" .host "existingSecret" (dig "existingSecret" "name" "" .) "fromSecret" (dig "fromSecret" "name" "" .) -}}
{{- $given := list -}}
{{- range $name := tuple "existingSecret" "fromSecret" "url" "host" }}{{ if get $addresses $name }}{{ $given = append $given $name }}{{ end }}{{ end -}}
{{- join "," $given -}}
{{- end -}}
{{- end }}

{{/* The variables of which each says by itself where a database is. */}}
{{- define "db-health-exporter.addressVariables" -}}
[DATABASE_URL, DATABASE_URL_FILE, DATABASE_HOST, DATABASES, DATABASES_FILE]
{{- end }}

{{/* "true" where extraEnv says where a database is, else "false". */}}
{{- define "db-health-exporter.addressInExtraEnv" -}}
{{- $names := include "db-health-exporter.addressVariables" . | fromYamlArray -}}
{{- $found := false -}}
{{- range .values.exporter.extraEnv }}{{ if has .name $names }}{{ $found = true }}{{ end }}{{ end -}}
{{- $found -}}
{{- end }}

{{/* The name of the Secret that the chart makes of URLs in the values. */}}
{{- define "db-health-exporter.secretName" -}}
{{- include "db-health-exporter.fullname" . | trunc 53 | trimAll "-_." }}-db-health
{{- end }}

{{/* The keys of database.fromSecret, as YAML: those of CloudNativePG and Crunchy unless others are named. */}}
{{- define "db-health-exporter.secretKeys" -}}
{{- $defaults := dict "host" "host" "port" "port" "name" "dbname" "user" "user" "password" "password" "json" "" -}}
{{- mergeOverwrite $defaults (deepCopy (.keys | default dict)) | toYaml -}}
{{- end }}

{{/* The Secret's entry that a database needs, as JSON {name, key, file}: its URL or its password. Nothing where it needs none. */}}
{{- define "db-health-exporter.databaseSecret" -}}
{{- $database := .database -}}
{{- $address := include "db-health-exporter.addresses" . -}}
{{- if eq $address "url" -}}
{{- dict "name" (include "db-health-exporter.secretName" .) "key" (.as | default "DATABASE_URL") "file" "url" | toJson -}}
{{- else if eq $address "host" -}}
{{- with $database.passwordSecret }}{{ if .name }}{{ dict "name" .name "key" (.key | default "password") "file" "password" | toJson }}{{ end }}{{ end -}}
{{- else if eq $address "existingSecret" -}}
{{- with $database.existingSecret }}{{ dict "name" .name "key" (.key | default "DATABASE_URL") "file" "url" | toJson }}{{ end -}}
{{- else if eq $address "fromSecret" -}}
{{- $keys := include "db-health-exporter.secretKeys" $database.fromSecret | fromYaml -}}
{{- $file := empty $keys.json | ternary "password" "url" -}}
{{- with $keys.json | default $keys.password }}{{ dict "name" $database.fromSecret.name "key" . "file" $file | toJson }}{{ end -}}
{{- end -}}
{{- end }}

{{/* A text whose $(NAME) the kubelet does not expand. */}}
{{- define "db-health-exporter.literal" -}}
{{- toString . | replace "$" "$$" -}}
{{- end }}

{{/* The folder that the databases' Secrets are mounted in. */}}
{{- define "db-health-exporter.folder" -}}
/etc/db-health-exporter/database
{{- end }}

{{/* The exporter's variables that say where the databases are: a list, or nothing. */}}
{{- define "db-health-exporter.sidecarDatabaseEnv" -}}
{{- $context := . }}
{{- if .values.databases }}
{{- range $name, $database := .values.databases }}
{{- if eq "fromSecret" (include "db-health-exporter.addresses" (dict "database" $database)) }}
{{- include "db-health-exporter.partsEnv" (dict "database" $database "suffix" (include "db-health-exporter.suffix" $name)) }}
{{- end }}
{{- end }}
- name: DATABASES
  value: {{ include "db-health-exporter.databasesJson" . | quote }}
{{- else if include "db-health-exporter.addresses" (dict "database" .values.database) }}
{{- include "db-health-exporter.partsEnv" (dict "database" .values.database "suffix" "") }}
{{- $secret := include "db-health-exporter.databaseSecret" (dict "root" .root "values" .values "alias" .alias "database" .values.database "as" "") | fromYaml }}
{{- if and $secret .values.database.fromFiles }}
- name: DATABASE_{{ upper $secret.file }}_FILE
  value: {{ include "db-health-exporter.folder" . }}/{{ $secret.file }}
{{- else }}
{{- include "db-health-exporter.secretEnv" (dict "secret" $secret "suffix" "") }}
{{- end }}
{{- end }}
{{- end }}

{{/* The application's variables for the same databases: always values, as applications read them; DATABASE_URL_ORDERS where there are several. */}}
{{- define "db-health-exporter.databaseEnv" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $context := . }}
{{- if or .values.databases (include "db-health-exporter.addresses" (dict "database" .values.database)) }}
{{- range $name, $database := include "db-health-exporter.databases" . | fromYaml }}
{{- $suffix := include "db-health-exporter.suffix" $name }}
{{- $secret := include "db-health-exporter.databaseSecret" (dict "root" $context.root "values" $context.values "alias" $context.alias "database" $database "as" $name) | fromYaml }}
{{- include "db-health-exporter.partsEnv" (dict "database" $database "suffix" $suffix) }}
{{- if not (dig "fromSecret" "keys" "json" "" $database) }}
{{- include "db-health-exporter.secretEnv" (dict "secret" $secret "suffix" $suffix) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The end of the variables' names of a named database. */}}
{{- define "db-health-exporter.suffix" -}}
{{- with . }}_{{ upper . | replace "-" "_" }}{{ end -}}
{{- end }}

{{/* Host, port, name and user of a database that is given in parts. */}}
{{- define "db-health-exporter.partsEnv" -}}
{{- $suffix := .suffix }}
{{- $address := include "db-health-exporter.addresses" . }}
{{- with .database }}
{{- if eq $address "host" }}
- name: DATABASE_HOST{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .host | quote }}
- name: DATABASE_PORT{{ $suffix }}
  value: {{ .port | default 5432 | int | quote }}
- name: DATABASE_NAME{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .name | quote }}
- name: DATABASE_USER{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .user | quote }}
{{- else if eq $address "fromSecret" }}
{{- $secret := .fromSecret.name }}
{{- $keys := include "db-health-exporter.secretKeys" .fromSecret | fromYaml }}
{{- if not $keys.json }}
{{- range $part := tuple "host" "port" "name" "user" }}
{{- with get $keys $part }}
- name: DATABASE_{{ upper $part }}{{ $suffix }}
  valueFrom:
    secretKeyRef: {name: {{ $secret | quote }}, key: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .parameters }}
- name: DATABASE_PARAMETERS{{ $suffix }}
  value: {{ include "db-health-exporter.literal" . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* The URL or the password as a variable that refers to its Secret. */}}
{{- define "db-health-exporter.secretEnv" -}}
{{- with .secret }}
- name: DATABASE_{{ upper .file }}{{ $.suffix }}
  valueFrom:
    secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}

{{/* The value of DATABASES: places and files, never a secret. Parts in a Secret are $(…) references to variables. */}}
{{- define "db-health-exporter.databasesJson" -}}
{{- $context := . -}}
{{- $all := dict -}}
{{- range $name, $database := .values.databases -}}
{{- $entry := pick $database "expect" "required" -}}
{{- range $part, $value := pick $database "host" "name" "user" "parameters" -}}
{{- if $value }}{{ $_ := set $entry $part (include "db-health-exporter.literal" $value) }}{{ end -}}
{{- end -}}
{{- if and $database.host $database.port }}{{ $_ := set $entry "port" $database.port }}{{ end -}}
{{- $keys := dict "json" "none" -}}
{{- if eq "fromSecret" (include "db-health-exporter.addresses" (dict "database" $database)) -}}
{{- $keys = include "db-health-exporter.secretKeys" $database.fromSecret | fromYaml -}}
{{- end -}}
{{- if not $keys.json -}}
{{- range $part := tuple "host" "port" "name" "user" -}}
{{- if get $keys $part }}{{ $_ := set $entry $part (printf "$(DATABASE_%s%s)" (upper $part) (include "db-health-exporter.suffix" $name)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with include "db-health-exporter.databaseSecret" (dict "root" $context.root "values" $context.values "alias" $context.alias "database" $database "as" $name) | fromYaml -}}
{{- $_ := set $entry (printf "%s_file" .file) (printf "%s/%s/%s" (include "db-health-exporter.folder" $context) $name .file) -}}
{{- end -}}
{{- $_ := set $all $name $entry -}}
{{- end -}}
{{- /* A port is a number, also where the kubelet puts it in. */ -}}
{{- regexReplaceAll `"([$][(]DATABASE_PORT[^)]*[)])"` (toRawJson $all) "${1}" -}}
{{- end }}

{{/* The sources of the volume with the databases' Secrets: a list, or nothing where none is read from a file. */}}
{{- define "db-health-exporter.databaseSources" -}}
{{- $context := . }}
{{- $single := and (.values.database | default dict).fromFiles (include "db-health-exporter.addresses" (dict "database" .values.database)) }}
{{- if or .values.databases $single }}
{{- range $name, $database := include "db-health-exporter.databases" . | fromYaml }}
{{- with include "db-health-exporter.databaseSecret" (dict "root" $context.root "values" $context.values "alias" $context.alias "database" $database "as" $name) | fromYaml }}
- secret:
    name: {{ .name | quote }}
    items: [{key: {{ .key | quote }}, path: {{ empty $name | ternary .file (printf "%s/%s" $name .file) | quote }}}]
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The Secret with the URLs that stand in the values; nothing where none does. */}}
{{- define "db-health-exporter.secret" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $urls := dict }}
{{- range $name, $database := include "db-health-exporter.databases" . | fromYaml }}
{{- with $database.url }}{{ $_ := set $urls ($name | default "DATABASE_URL") (b64enc .) }}{{ end }}
{{- end }}
{{- with $urls }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "db-health-exporter.secretName" $ | quote }}
  namespace: {{ $.root.Release.Namespace | quote }}
  labels: {{- include "db-health-exporter.labels" $ | nindent 4 }}
type: Opaque
data: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A hash of that Secret, which changes with its URLs; nothing where the chart makes none. */}}
{{- define "db-health-exporter.secretChecksum" -}}
{{- with include "db-health-exporter.secret" . | fromYaml }}{{ with .data }}{{ toJson . | sha256sum }}{{ end }}{{ end -}}
{{- end }}
