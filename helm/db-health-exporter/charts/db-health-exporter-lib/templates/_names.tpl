{{/*
Every template here takes one dict: "root" is the chart's own context, "values" the exporter's values in it.
*/}}

{{/* The release of the exporter that these templates belong to. */}}
{{- define "db-health-exporter.version" -}}0.1.0{{- end }}

{{- define "db-health-exporter.name" -}}
{{- .values.nameOverride | default .root.Chart.Name | trunc 63 | trimAll "-_." -}}
{{- end }}

{{/*
What tells a second use of the library in one chart from the first: the alias that the values came by, unless it is dbHealth.
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

{{- define "db-health-exporter.fullname" -}}
{{- include "db-health-exporter.requireValues" . -}}
{{- $name := include "db-health-exporter.name" . -}}
{{- $full := contains $name .root.Release.Name | ternary .root.Release.Name (printf "%s-%s" .root.Release.Name $name) -}}
{{- with include "db-health-exporter.alias" . -}}
{{- /* 53 characters at most, so that no name made from it loses the alias. */ -}}
{{- $full = printf "%s-%s" ($full | trunc (sub 52 (len .) | int) | trimAll "-_.") . -}}
{{- end -}}
{{- .values.fullnameOverride | default $full | trunc 63 | trimAll "-_." -}}
{{- end }}

{{- define "db-health-exporter.labels" -}}
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

{{/* The image's reference: a digest wins over a tag. */}}
{{- define "db-health-exporter.image" -}}
{{- $image := .values.exporter.image -}}
{{- $registry := $image.registry | default (dig "imageRegistry" "" (.root.Values.global | default dict)) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (include "db-health-exporter.version" .) }}{{ end -}}
{{- end }}
