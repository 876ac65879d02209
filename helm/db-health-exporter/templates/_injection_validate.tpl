{{/*
Mode injection: values that would keep other people's pods from starting are refused when the policy is installed.
*/}}
{{- define "db-health-exporter.validateInjection" -}}
{{- $given := pick .values "podLabels" "podAnnotations" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "deployment" "pod" "extraContainers" "extraInitContainers" -}}
{{- $_ := set $given "serviceAccount.create" .values.serviceAccount.create -}}
{{- $_ := set $given "serviceAccount.name" .values.serviceAccount.name -}}
{{- range $name, $value := $given -}}
{{- if $value -}}
{{- fail (printf "%s is set, but mode injection makes no pods of its own: remove it, or set mode to app or standalone" $name) -}}
{{- end -}}
{{- end -}}
{{- if or .values.databases (include "db-health-exporter.addresses" (dict "database" .values.database)) -}}
{{- fail "mode injection takes the database from each application's own DATABASE_* variables: remove database and databases" -}}
{{- end -}}
{{- $version := .root.Capabilities.KubeVersion.Version -}}
{{- if and (not .values.injection.apiVersion) (semverCompare "<1.36.0-0" $version) -}}
{{- fail (printf "mode injection needs Kubernetes 1.36 or later for MutatingAdmissionPolicy, and this is %s: set mode to app, use the library chart or the patch of docs/deploy-patch.md; where the cluster has the policy's beta, set injection.apiVersion" $version) -}}
{{- end -}}
{{- $volumes := list "db-health-web-config" -}}
{{- range .values.exporter.extraVolumes -}}
{{- include "db-health-exporter.validateInjectedVolume" . -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- $container := include "db-health-exporter.injection.container" . | fromYaml -}}
{{- range $container.volumeMounts -}}
{{- if not (has (trimPrefix "db-health-" .name) $volumes) -}}
{{- fail (printf "exporter.extraVolumeMounts mounts %s, which is no volume: add it to exporter.extraVolumes" (trimPrefix "db-health-" .name)) -}}
{{- end -}}
{{- end -}}
{{- range $container.env -}}
{{- range $kind, $reference := pick (.valueFrom | default dict) "secretKeyRef" "configMapKeyRef" -}}
{{- if not $reference.optional -}}
{{- fail (printf "exporter.extraEnv reads the %s %s, which other namespaces may lack, and their pods would not start: add optional: true" (eq $kind "secretKeyRef" | ternary "Secret" "ConfigMap") $reference.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if (.values.exporter.resources | default dict).claims -}}
{{- fail "exporter.resources.claims names claims that other people's pods do not have: remove it" -}}
{{- end -}}
{{- end }}

{{/* A volume that every namespace has, and that the restricted Pod Security Standard allows. */}}
{{- define "db-health-exporter.validateInjectedVolume" -}}
{{- $name := .name -}}
{{- if gt (len $name) 53 -}}
{{- fail (printf "exporter.extraVolumes has a volume called %s, and the policy adds db-health- to its name: set at most 53 characters" $name) -}}
{{- end -}}
{{- $types := omit . "name" -}}
{{- if ne (len $types) 1 -}}
{{- fail (printf "exporter.extraVolumes has the volume %s without a type, or with several: set one of configMap, csi, downwardAPI, emptyDir, projected, secret" $name) -}}
{{- end -}}
{{- range $type, $source := $types -}}
{{- if not (has $type (list "configMap" "csi" "downwardAPI" "emptyDir" "projected" "secret")) -}}
{{- fail (printf "exporter.extraVolumes has the volume %s of the type %s, which other namespaces lack or refuse: set one of configMap, csi, downwardAPI, emptyDir, projected, secret" $name $type) -}}
{{- end -}}
{{- $sources := list -}}
{{- if has $type (list "configMap" "secret") }}{{ $sources = list (dict $type $source) }}{{ end -}}
{{- if eq $type "projected" }}{{ $sources = $source.sources | default list }}{{ end -}}
{{- range $sources -}}
{{- range $kind, $reference := pick . "configMap" "secret" -}}
{{- if not $reference.optional -}}
{{- fail (printf "exporter.extraVolumes has the volume %s of a %s, which other namespaces may lack, and their pods would not start: add optional: true" $name $kind) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
