{{/*
Two maps merged, as JSON: "over" wins over "base". Lists whose items have an identity (containers, variables,
volumes, mounts, ports) are merged item by item, as `kubectl patch` merges them; other lists are replaced; null removes a key.
*/}}
{{- define "db-health-exporter.merged" -}}
{{- $result := deepCopy .base -}}
{{- range $key, $over := .over -}}
{{- $base := get $result $key -}}
{{- if kindIs "invalid" $over -}}
{{- $_ := unset $result $key -}}
{{- else if and (kindIs "map" $over) (kindIs "map" $base) -}}
{{- $_ := set $result $key (include "db-health-exporter.merged" (dict "base" $base "over" $over) | fromJson) -}}
{{- else if and (kindIs "slice" $over) (kindIs "slice" $base) -}}
{{- $_ := set $result $key (include "db-health-exporter.mergedList" (dict "key" $key "base" $base "over" $over) | fromJsonArray) -}}
{{- else -}}
{{- $_ := set $result $key $over -}}
{{- end -}}
{{- end -}}
{{- toJson $result -}}
{{- end }}

{{- define "db-health-exporter.mergedList" -}}
{{- $identities := dict "containers" "name" "initContainers" "name" "env" "name" "volumes" "name" "imagePullSecrets" "name"
  "volumeMounts" "mountPath" "ports" "containerPort" -}}
{{- $identity := get $identities .key -}}
{{- $result := list -}}
{{- if $identity -}}
{{- $added := dict -}}
{{- range .over }}{{ $_ := set $added (get . $identity | toString) . }}{{ end -}}
{{- range .base -}}
{{- $id := get . $identity | toString -}}
{{- if hasKey $added $id -}}
{{- $result = append $result (include "db-health-exporter.merged" (dict "base" . "over" (get $added $id)) | fromJson) -}}
{{- $_ := unset $added $id -}}
{{- else -}}
{{- $result = append $result . -}}
{{- end -}}
{{- end -}}
{{- range .over -}}
{{- if hasKey $added (get . $identity | toString) }}{{ $result = append $result . }}{{ end -}}
{{- end -}}
{{- else -}}
{{- $result = .over -}}
{{- end -}}
{{- toJson $result -}}
{{- end }}
