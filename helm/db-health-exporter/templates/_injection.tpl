{{/*
The admission policy's expressions, in CEL. JSONPatch, since an applied configuration may not hold arguments or references
to Secrets; a list must exist before something is added to it.
*/}}

{{/*
The alerts take a name within a job and a namespace for one database, so each application must be a job of its own. A
pod without the label app.kubernetes.io/name is called after what made it, less what a rollout or a schedule adds; a pod
that nothing made keeps the PodMonitor's name.
*/}}
{{- define "db-health-exporter.injection.relabelings" -}}
- sourceLabels:
    - __meta_kubernetes_pod_label_app_kubernetes_io_name
    - __meta_kubernetes_pod_controller_kind
    - __meta_kubernetes_pod_controller_name
  regex: ;(?:ReplicaSet;(.+)-[^-]+|Job;(.+)-[0-9]+|[^;]+;(.+))
  replacement: $1$2$3
  targetLabel: job
{{- end }}

{{/* The list that the exporter's container joins. */}}
{{- define "db-health-exporter.injection.list" -}}
{{- .values.exporter.native | ternary "initContainers" "containers" -}}
{{- end }}

{{/* The exporter's container, with empty lists for what is copied from the application's. */}}
{{- define "db-health-exporter.injection.container" -}}
{{- $context := dict "root" .root "values" .values "injected" true -}}
{{- $container := include "db-health-exporter.sidecar" $context | fromYamlArray | first -}}
{{- $_ := set $container "envFrom" list -}}
{{- $_ := set $container "volumeMounts" ($container.volumeMounts | default list) -}}
{{- $own := list -}}
{{- range $container.env }}{{ $own = append $own .name }}{{ end -}}
{{- range $name, $value := include "db-health-exporter.injection.defaults" . | fromYaml -}}
{{- if not (has $name $own) -}}
{{- $_ := set $container "env" (append $container.env (dict "name" $name "value" (toString $value))) -}}
{{- end -}}
{{- end -}}
{{- $type := printf "Object.spec.%s" (include "db-health-exporter.injection.list" .) -}}
{{- include "db-health-exporter.cel" (dict "type" $type "value" $container) -}}
{{- end }}

{{/*
What the policy sets where the values do not. The exporter's own pool keeps its defaults: an application's 50 connections are
not for a probe. The ports are set since a Service called "metrics" would set METRICS_PORT to its address.
*/}}
{{- define "db-health-exporter.injection.defaults" -}}
LISTEN_PORT: {{ include "db-health-exporter.port" . | quote }}
METRICS_PORT: {{ include "db-health-exporter.metricsPort" . | quote }}
{{- $settings := include "db-health-exporter.settings" . | fromYaml }}
{{- range tuple "DATABASE_ECHO" "DATABASE_MAX_OVERFLOW" "DATABASE_POOL_RECYCLE" "DATABASE_POOL_SIZE" }}
{{ . }}: {{ get $settings . | dig "default" "" | quote }}
{{- end }}
{{- end }}

{{/* The names that the policy sets itself, and so never copies, as a CEL list. */}}
{{- define "db-health-exporter.injection.ownNames" -}}
{{- $names := include "db-health-exporter.injection.defaults" . | fromYaml | keys -}}
{{- range include "db-health-exporter.env" . | fromYamlArray }}{{ $names = append $names .name }}{{ end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end }}

{{- define "db-health-exporter.injection.variables" -}}
{{- $addresses := include "db-health-exporter.addresses" . | fromYamlArray | toJson -}}
- name: container
  expression: object.metadata.?annotations[?'db-health-exporter/container'].orValue(object.spec.containers[0].name)
- name: secret
  expression: object.metadata.?annotations[?'db-health-exporter/secret'].orValue('')
- name: at
  expression: object.spec.containers.map(c, c.name).indexOf(variables.container)
- name: env
  expression: "variables.at < 0 ? [] : object.spec.containers[variables.at].?env.orValue([])"
- name: mounts
  expression: "variables.at < 0 ? [] : object.spec.containers[variables.at].?volumeMounts.orValue([])"
- name: database
  expression: variables.env.filter(e, e.name.startsWith('DATABASE_') || e.name == 'DATABASES')
- name: refusal
  expression: >-
    variables.at < 0 ? 'not injected: the pod has no container ' + variables.container
    : variables.secret == '' && !{{ include "db-health-exporter.ownDatabase" . }} && !variables.env.exists(e, e.name in {{ $addresses }})
    ? 'not injected: container ' + variables.container + ' has neither DATABASE_URL nor DATABASE_HOST; the annotation db-health-exporter/secret can name a Secret that has'
    : ''
- name: source
  expression: "'/spec/containers/' + string(variables.at)"
- name: target
  expression: "'/spec/{{ include "db-health-exporter.injection.list" . }}/' + string(size(object.spec.?{{ include "db-health-exporter.injection.list" . }}.orValue([])))"
{{- end }}

{{/* A list that must exist, as a patch that adds it where it is absent. */}}
{{- define "db-health-exporter.injection.ensure" -}}
(has(object.{{ .path }}) ? [] : [JSONPatch{op: 'add', path: '/{{ .path | replace "." "/" }}', value: {{ .empty }}}])
{{- end }}

{{- define "db-health-exporter.injection.patches" -}}
{{- $list := include "db-health-exporter.injection.list" . -}}
{{- $own := include "db-health-exporter.injection.ownNames" . -}}
{{ include "db-health-exporter.injection.ensure" (dict "path" "metadata.annotations" "empty" "{}") }}
+ [JSONPatch{
  op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('db-health-exporter/status'),
  value: variables.refusal == '' ? 'injected' : variables.refusal
}]
+ (variables.refusal != '' ? [] : (
  {{ include "db-health-exporter.injection.ensure" (dict "path" (printf "spec.%s" $list) "empty" "[]") }}
  + [JSONPatch{op: 'add', path: '/spec/{{ $list }}/-', value: {{ include "db-health-exporter.injection.container" . }}}]
  + variables.env.transformList(i, e,
    !(e.name in {{ $own }}) && (
      e.name.startsWith('DATABASE_') || e.name == 'DATABASES'
      || variables.database.exists(d, has(d.value) && d.value.contains('$(' + e.name + ')'))),
    JSONPatch{op: 'copy', from: variables.source + '/env/' + string(i), path: variables.target + '/env/-'})
  {{- /* A Service called "database" would set it to its address; an empty variable is as good as none. */}}
  + (variables.secret != '' || variables.env.exists(e, e.name == 'DATABASE_PORT') ? [] : [JSONPatch{
    op: 'add', path: variables.target + '/env/-', value: Object.spec.{{ $list }}.env{name: 'DATABASE_PORT', value: ''}
  }])
  + variables.mounts.transformList(i, m,
    variables.database.exists(d, has(d.value) && d.value.contains(m.mountPath)),
    JSONPatch{op: 'copy', from: variables.source + '/volumeMounts/' + string(i), path: variables.target + '/volumeMounts/-'})
  + (variables.secret == '' ? [] : [JSONPatch{
    op: 'add', path: variables.target + '/envFrom/-',
    value: Object.spec.{{ $list }}.envFrom{secretRef: Object.spec.{{ $list }}.envFrom.secretRef{name: variables.secret}}
  }])
  {{- if .values.app.probes.readiness }}
  + {{ include "db-health-exporter.injection.probe" (dict "name" "readinessProbe" "probe" (include "db-health-exporter.readinessProbe" . | fromYaml)) }}
  {{- end }}
  {{- if .values.app.probes.liveness }}
  + {{ include "db-health-exporter.injection.probe" (dict "name" "livenessProbe" "probe" (include "db-health-exporter.livenessProbe" . | fromYaml)) }}
  {{- end }}
  {{- with include "db-health-exporter.volumes" . | fromYamlArray }}
  + {{ include "db-health-exporter.injection.append" (dict "list" "volumes" "items" .) }}
  {{- end }}
  {{- with include "db-health-exporter.allPullSecrets" . | fromJsonArray }}
  + {{ include "db-health-exporter.injection.append" (dict "list" "imagePullSecrets" "items" .) }}
  {{- end }}
))
{{- end }}

{{/* A probe for the application's container where it has none. */}}
{{- define "db-health-exporter.injection.probe" -}}
{{- $type := printf "Object.spec.containers.%s" .name -}}
(has(object.spec.containers[variables.at].{{ .name }}) ? [] : [JSONPatch{
    op: 'add', path: variables.source + '/{{ .name }}',
    value: {{ include "db-health-exporter.cel" (dict "type" $type "value" .probe) }}
  }])
{{- end }}

{{/* Items at the end of one of the pod's lists. */}}
{{- define "db-health-exporter.injection.append" -}}
{{- $list := .list -}}
{{ include "db-health-exporter.injection.ensure" (dict "path" (printf "spec.%s" $list) "empty" "[]") }}
{{- range .items }}
  + [JSONPatch{op: 'add', path: '/spec/{{ $list }}/-', value: {{ include "db-health-exporter.cel" (dict "type" (printf "Object.spec.%s" $list) "value" .) }}}]
{{- end }}
{{- end }}
