{{/*
Every template of the library takes one dict: "root" is the context of the chart that includes it, "values" the exporter's
values in that chart.
*/}}

{{/* The release of the exporter that these templates belong to. */}}
{{- define "db-health-exporter.version" -}}0.1.0{{- end }}

{{/*
Completes the dict, once: defaults for values that are missing, and the alias by which the values came. Every template that
other charts include begins with it.
*/}}
{{- define "db-health-exporter.prepare" -}}
{{- if not (hasKey . "alias") -}}
{{- if not (and (kindIs "map" .values) .values) -}}
{{- fail "db-health-exporter: the values are missing: give the dependency `alias: dbHealth` and pass (dict \"root\" $ \"values\" .Values.dbHealth), or without an alias (index .Values \"db-health-exporter-lib\")" -}}
{{- end -}}
{{- $_ := set . "alias" (include "db-health-exporter.alias" .) -}}
{{- $exporter := .values.exporter | default dict -}}
{{- if not (and $exporter.image $exporter.startupGate (hasKey $exporter "native") (hasKey (.values.database | default dict) "fromFiles")) -}}
{{- $_ := set . "values" (mergeOverwrite (include "db-health-exporter.defaults" . | fromYaml) (deepCopy .values)) -}}
{{- end -}}
{{- $resources := .values.exporter.resources | default dict -}}
{{- include "db-health-exporter.dropNulls" (dict "maps" (list .values.databases $resources.requests $resources.limits)) -}}
{{- end -}}
{{- end }}

{{/* Takes away each null in maps, which Kubernetes would read as a quantity of 0. */}}
{{- define "db-health-exporter.dropNulls" -}}
{{- range $map := .maps -}}
{{- range $name, $value := $map -}}
{{- if kindIs "invalid" $value }}{{ $_ := unset $map $name }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The chart's name; an alias may have capitals, which names of objects must not have. */}}
{{- define "db-health-exporter.name" -}}
{{- $chart := regexReplaceAll "([a-z0-9])([A-Z])" .root.Chart.Name "${1}-${2}" | lower | replace "_" "-" -}}
{{- .values.nameOverride | default $chart | trunc 63 | trimAll "-_." -}}
{{- end }}

{{/*
A name for each use of the library in one chart: the alias by which the values came, unless it is dbHealth.
No value knows its own key, but the values of an alias are the very map of that subchart.
*/}}
{{- define "db-health-exporter.alias" -}}
{{- $values := printf "%p" .values -}}
{{- range $alias, $chart := .root.Subcharts -}}
{{- if and (eq (printf "%p" $chart.Values) $values) (not (has $alias (list "dbHealth" "db-health-exporter-lib"))) -}}
{{- kebabcase $alias | trunc 20 | trimAll "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The name of objects; in mode app of a chart that is installed by itself, the release's name. */}}
{{- define "db-health-exporter.fullname" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $name := include "db-health-exporter.name" . -}}
{{- $release := .root.Release.Name -}}
{{- $application := and (eq (toString .values.mode) "app") .root.Chart.IsRoot (not .values.nameOverride) -}}
{{- $full := or $application (contains $name $release) | ternary $release (printf "%s-%s" $release $name) -}}
{{- with .alias -}}
{{- /* 53 characters at most, so that no name made from it loses the alias. */ -}}
{{- $full = printf "%s-%s" ($full | trunc (sub 52 (len .) | int) | trimAll "-_.") . -}}
{{- end -}}
{{- .values.fullnameOverride | default $full | trunc 63 | trimAll "-_." -}}
{{- end }}

{{- define "db-health-exporter.labels" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | include "db-health-exporter.labelValue")
  "app.kubernetes.io/name" (include "db-health-exporter.name" .)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/version" (.root.Chart.AppVersion | default .root.Chart.Version | include "db-health-exporter.labelValue") -}}
{{- merge $labels (.values.commonLabels | default dict) | toYaml -}}
{{- end }}

{{/* A version may hold a + and be of any length; a label may not. */}}
{{- define "db-health-exporter.labelValue" -}}
{{- toString . | replace "+" "_" | trunc 63 | trimAll "-_." -}}
{{- end }}

{{/*
The exporter's image. The project's registry, which is the default, gives way to that of all charts and to a host that the
repository itself begins with.
*/}}
{{- define "db-health-exporter.image" -}}
{{- include "db-health-exporter.prepare" . -}}
{{- $image := .values.exporter.image -}}
{{- $ofAll := dig "imageRegistry" "" (.root.Values.global | default dict) -}}
{{- $registry := $image.registry | default $ofAll -}}
{{- if eq $registry "ghcr.io/db-health-exporter" -}}
{{- $registry = regexMatch "^([^/]*[.:][^/]*|localhost)/" $image.repository | ternary $ofAll ($ofAll | default $registry) -}}
{{- end -}}
{{- $tag := include "db-health-exporter.imageTag" $image | default (include "db-health-exporter.version" .) -}}
{{- include "db-health-exporter.imageReference" (dict "image" $image "registry" $registry "tag" $tag) -}}
{{- end }}

{{/* A reference to an image, from its parts: a digest counts before a tag. */}}
{{- define "db-health-exporter.imageReference" -}}
{{- with .registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .tag }}{{ end -}}
{{- end }}

{{/* An image's tag as a text: a number is never printed as 2e+07. */}}
{{- define "db-health-exporter.imageTag" -}}
{{- with .tag }}{{ kindIs "string" . | ternary . (toJson .) }}{{ end -}}
{{- end }}
