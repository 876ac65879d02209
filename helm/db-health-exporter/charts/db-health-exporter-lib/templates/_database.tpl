{{/*
Where the databases are, said to three readers: the exporter, the application and the volume of Secrets.
*/}}

{{/* The databases by name, as YAML; the name of a single one is empty. */}}
{{- define "db-health-exporter.databases" -}}
{{- if .values.databases }}{{ toYaml .values.databases }}{{ else }}{{ dict "" (.values.database | default dict) | toYaml }}{{ end -}}
{{- end }}

{{/* Whether the single database is given, as "true" or nothing. */}}
{{- define "db-health-exporter.database.given" -}}
{{- with .database -}}
{{- if or .url .host (dig "existingSecret" "name" "" .) }}true{{ end -}}
{{- end -}}
{{- end }}

{{/* The variables of which each says by itself where a database is. */}}
{{- define "db-health-exporter.addresses" -}}
[DATABASE_URL, DATABASE_URL_FILE, DATABASE_HOST, DATABASES, DATABASES_FILE]
{{- end }}

{{/* Whether extraEnv says where a database is: "true" or "false". */}}
{{- define "db-health-exporter.ownDatabase" -}}
{{- $addresses := include "db-health-exporter.addresses" . | fromYamlArray -}}
{{- $given := false -}}
{{- range .values.exporter.extraEnv }}{{ if has .name $addresses }}{{ $given = true }}{{ end }}{{ end -}}
{{- $given -}}
{{- end }}

{{/* The Secret that the chart makes for URLs written in the values. */}}
{{- define "db-health-exporter.secretName" -}}
{{- include "db-health-exporter.fullname" . | trunc 53 | trimAll "-_." }}-db-health
{{- end }}

{{/* The Secret's entry that one database needs, as JSON {name, key, file}, or nothing; "database" and "as" (its name) are added to the dict. */}}
{{- define "db-health-exporter.database.secret" -}}
{{- if .database.url -}}
{{- dict "name" (include "db-health-exporter.secretName" .) "key" (.as | default "DATABASE_URL") "file" "url" | toJson -}}
{{- else if .database.host -}}
{{- with .database.passwordSecret }}{{ if .name }}{{ dict "name" .name "key" (.key | default "password") "file" "password" | toJson }}{{ end }}{{ end -}}
{{- else -}}
{{- with .database.existingSecret }}{{ dict "name" .name "key" (.key | default "DATABASE_URL") "file" "url" | toJson }}{{ end -}}
{{- end -}}
{{- end }}

{{/* A literal value of a variable: the kubelet would expand $(NAME). */}}
{{- define "db-health-exporter.literal" -}}
{{- toString . | replace "$" "$$" | quote -}}
{{- end }}

{{/* The folder that a database's Secret is mounted in. */}}
{{- define "db-health-exporter.folder" -}}
/etc/db-health-exporter/database
{{- end }}

{{/* The exporter's variables that say where the databases are: a list, or nothing. */}}
{{- define "db-health-exporter.sidecarDatabaseEnv" -}}
{{- if .values.databases }}
- name: DATABASES
  value: {{ include "db-health-exporter.databasesJson" . | include "db-health-exporter.literal" }}
{{- else if include "db-health-exporter.database.given" .values }}
{{- include "db-health-exporter.placeEnv" (dict "database" .values.database "suffix" "") }}
{{- $secret := include "db-health-exporter.database.secret" (dict "root" .root "values" .values "database" .values.database "as" "") | fromYaml }}
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
{{- include "db-health-exporter.requireValues" . -}}
{{- $context := . }}
{{- if or .values.databases (include "db-health-exporter.database.given" .values) }}
{{- range $name, $database := include "db-health-exporter.databases" . | fromYaml }}
{{- $suffix := empty $name | ternary "" (printf "_%s" ($name | upper | replace "-" "_")) }}
{{- $secret := include "db-health-exporter.database.secret" (dict "root" $context.root "values" $context.values "database" $database "as" $name) | fromYaml }}
{{- include "db-health-exporter.placeEnv" (dict "database" $database "suffix" $suffix) }}
{{- include "db-health-exporter.secretEnv" (dict "secret" $secret "suffix" $suffix) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Host, port, name and user of a database that is given without a URL. */}}
{{- define "db-health-exporter.placeEnv" -}}
{{- $suffix := .suffix }}
{{- with .database }}
{{- if .host }}
- name: DATABASE_HOST{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .host }}
- name: DATABASE_PORT{{ $suffix }}
  value: {{ .port | default 5432 | int | quote }}
- name: DATABASE_NAME{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .name }}
- name: DATABASE_USER{{ $suffix }}
  value: {{ include "db-health-exporter.literal" .user }}
{{- with .parameters }}
- name: DATABASE_PARAMETERS{{ $suffix }}
  value: {{ include "db-health-exporter.literal" . }}
{{- end }}
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

{{/* The value of DATABASES: places and files, never a secret. */}}
{{- define "db-health-exporter.databasesJson" -}}
{{- $context := . -}}
{{- $all := dict -}}
{{- range $name, $database := .values.databases -}}
{{- $entry := pick $database "expect" "required" -}}
{{- if $database.host -}}
{{- $entry = merge $entry (pick $database "host" "port" "name" "user" "parameters") -}}
{{- end -}}
{{- with include "db-health-exporter.database.secret" (dict "root" $context.root "values" $context.values "database" $database "as" $name) | fromYaml -}}
{{- $_ := set $entry (printf "%s_file" .file) (printf "%s/%s/%s" (include "db-health-exporter.folder" $context) $name .file) -}}
{{- end -}}
{{- $_ := set $all $name $entry -}}
{{- end -}}
{{- toRawJson $all -}}
{{- end }}

{{/* The sources of the volume with the databases' Secrets: a list, or nothing where none is read from a file. */}}
{{- define "db-health-exporter.databaseSources" -}}
{{- $context := . }}
{{- $single := and (.values.database | default dict).fromFiles (include "db-health-exporter.database.given" .values) }}
{{- if or .values.databases $single }}
{{- range $name, $database := include "db-health-exporter.databases" . | fromYaml }}
{{- with include "db-health-exporter.database.secret" (dict "root" $context.root "values" $context.values "database" $database "as" $name) | fromYaml }}
- secret:
    name: {{ .name | quote }}
    items: [{key: {{ .key | quote }}, path: {{ empty $name | ternary .file (printf "%s/%s" $name .file) | quote }}}]
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The Secret with the URLs that stand in the values; nothing where none does. */}}
{{- define "db-health-exporter.secret" -}}
{{- include "db-health-exporter.requireValues" . -}}
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
