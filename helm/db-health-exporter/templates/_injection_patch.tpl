{{/*
The patches of the admission policy. Paths of the application's container begin with variables.source, of the exporter's with
variables.target; a list must exist before something is added to it.
*/}}

{{- define "db-health-exporter.injection.patches" -}}
{{- $list := include "db-health-exporter.injection.list" . -}}
{{- $container := include "db-health-exporter.injection.container" . | fromYaml -}}
{{- $resources := $container.resources | default dict -}}
{{- $_ := set $container "resources" (set $resources "limits" ($resources.limits | default dict)) -}}
{{- $own := include "db-health-exporter.injection.ownVariables" . -}}
{{ include "db-health-exporter.injection.ensure" (dict "path" "metadata.annotations" "empty" "{}") }}
+ [JSONPatch{
  op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('db-health-exporter/status'),
  value: variables.refusal == '' ? 'injected' : 'not injected: ' + variables.refusal
}]
+ (variables.refusal != '' ? [] : (
  {{ include "db-health-exporter.injection.ensure" (dict "path" (printf "spec.%s" $list) "empty" "[]") }}
  + [JSONPatch{op: 'add', path: '/spec/{{ $list }}/-', value: {{ include "db-health-exporter.cel" $container }}}]
  + variables.env.transformList(i, e,
    !(e.name in {{ $own }}) && (
      e.name.startsWith('DATABASE_') || e.name == 'DATABASES' || ('$(' + e.name + ')') in variables.references),
    JSONPatch{op: 'copy', from: variables.source + '/env/' + string(i), path: variables.target + '/env/-'})
  {{- /* A Service called "database" would set it to its address; an empty variable is as good as none. */}}
  + (variables.secret != '' || variables.env.exists(e, e.name == 'DATABASE_PORT') ? [] : [JSONPatch{
    op: 'add', path: variables.target + '/env/-', value: {'name': 'DATABASE_PORT', 'value': ''}
  }])
  + variables.mounts.map(m, JSONPatch{
    op: 'copy', path: variables.target + '/volumeMounts/-',
    from: variables.source + '/volumeMounts/'
      + string(object.spec.containers[variables.index].volumeMounts.map(x, x.mountPath).indexOf(m.mountPath))})
  {{- $first := len $container.volumeMounts }}
  + variables.mounts.transformList(i, m, JSONPatch{
    op: 'add', path: variables.target + '/volumeMounts/' + string({{ $first }} + i) + '/readOnly', value: true})
  + variables.mounts.transformList(i, m, has(m.mountPropagation), JSONPatch{
    op: 'remove', path: variables.target + '/volumeMounts/' + string({{ $first }} + i) + '/mountPropagation'})
  + (variables.secret == '' ? [] :
    [JSONPatch{op: 'add', path: variables.target + '/envFrom/-', value: {'secretRef': {'name': variables.secret}}}]
    + {{ include "db-health-exporter.injection.otherSettings" . }}.map(name, JSONPatch{
      op: 'add', path: variables.target + '/env/-', value: {'name': name, 'value': ''}}))
  {{- /* The exporter's image names a user; a pod that runs as root would have it refused by the kubelet. */}}
  + (object.spec.?securityContext.?runAsUser.orValue(1) != 0 ? [] : [JSONPatch{
    op: 'add', path: variables.target + '/securityContext/runAsUser', value: 65532}])
  {{- /* Where the pod has resources as a whole, the containers' must fit into them. */}}
  + (!has(object.spec.resources) ? [] : [JSONPatch{op: 'remove', path: variables.target + '/resources'}])
  {{- /* A quota of limits takes only pods whose every container has one; where all have, the namespace may have such a quota. */}}
  {{- range $name, $limit := dict "cpu" "250m" "ephemeral-storage" "100Mi" }}
  {{- if not (hasKey $container.resources.limits $name) }}
  + (has(object.spec.resources) || !object.spec.containers.all(c, c.?resources.?limits[?'{{ $name }}'].hasValue()) ? [] : [JSONPatch{
    op: 'add', path: variables.target + '/resources/limits/{{ $name }}', value: '{{ $limit }}'}])
  {{- end }}
  {{- end }}
  {{- if .values.app.probes.readiness }}
  + {{ include "db-health-exporter.injection.probe" (dict "name" "readinessProbe" "probe" (include "db-health-exporter.readinessProbe" . | fromYaml)) }}
  {{- end }}
  {{- if .values.app.probes.liveness }}
  + {{ include "db-health-exporter.injection.probe" (dict "name" "livenessProbe" "probe" (include "db-health-exporter.livenessProbe" . | fromYaml)) }}
  {{- end }}
  {{- with include "db-health-exporter.injection.volumes" . | fromYamlArray }}
  + {{ include "db-health-exporter.injection.append" (dict "list" "volumes" "items" .) }}
  {{- end }}
  {{- with include "db-health-exporter.allPullSecrets" . | fromJsonArray }}
  + {{ include "db-health-exporter.injection.append" (dict "list" "imagePullSecrets" "items" .) }}
  {{- end }}
))
{{- end }}

{{/* A list or a map that must exist, as a patch that adds it where it is absent. */}}
{{- define "db-health-exporter.injection.ensure" -}}
(has(object.{{ .path }}) ? [] : [JSONPatch{op: 'add', path: '/{{ .path | replace "." "/" }}', value: {{ .empty }}}])
{{- end }}

{{/* A probe for the application's container where it has none. */}}
{{- define "db-health-exporter.injection.probe" -}}
(has(object.spec.containers[variables.index].{{ .name }}) ? [] : [JSONPatch{
    op: 'add', path: variables.source + '/{{ .name }}', value: {{ include "db-health-exporter.cel" .probe }}
  }])
{{- end }}

{{/* Items at the end of one of the pod's lists. */}}
{{- define "db-health-exporter.injection.append" -}}
{{- $list := .list -}}
{{ include "db-health-exporter.injection.ensure" (dict "path" (printf "spec.%s" $list) "empty" "[]") }}
{{- range .items }}
  + [JSONPatch{op: 'add', path: '/spec/{{ $list }}/-', value: {{ include "db-health-exporter.cel" . }}}]
{{- end }}
{{- end }}
