{{/*
Mode injection: the admission policy's changes to a pod, in CEL. JSON Patch, since an applied configuration may hold neither
arguments nor references to Secrets.
*/}}

{{/* The pod's list that the exporter's container joins. */}}
{{- define "db-health-exporter.injection.list" -}}
{{- .values.exporter.native | ternary "initContainers" "containers" -}}
{{- end }}

{{/*
The exporter's container, with empty lists for what is copied from the application's, as YAML. Its volumes have names of their
own, which no pod's volumes have.
*/}}
{{- define "db-health-exporter.injection.container" -}}
{{- $context := dict "root" .root "values" .values "injected" true -}}
{{- $container := include "db-health-exporter.sidecar" $context | fromYamlArray | first -}}
{{- $_ := set $container "envFrom" ($container.envFrom | default list) -}}
{{- $mounts := list -}}
{{- range $container.volumeMounts -}}
{{- $mounts = append $mounts (merge (dict "name" (include "db-health-exporter.injection.volumeName" .name)) .) -}}
{{- end -}}
{{- $_ := set $container "volumeMounts" $mounts -}}
{{- $own := list -}}
{{- range $container.env }}{{ $own = append $own .name }}{{ end -}}
{{- range $name, $value := include "db-health-exporter.injection.defaults" . | fromYaml -}}
{{- if not (has $name $own) -}}
{{- $_ := set $container "env" (append $container.env (dict "name" $name "value" (toString $value))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $container -}}
{{- end }}

{{- define "db-health-exporter.injection.volumeName" -}}
db-health-{{ . }}
{{- end }}

{{/* The volumes that the policy adds, as YAML. */}}
{{- define "db-health-exporter.injection.volumes" -}}
{{- $volumes := list -}}
{{- range .values.exporter.extraVolumes -}}
{{- $volumes = append $volumes (merge (dict "name" (include "db-health-exporter.injection.volumeName" .name)) .) -}}
{{- end -}}
{{- with .values.exporter.webConfigSecret -}}
{{- $source := dict "secretName" . "optional" true -}}
{{- $volumes = append $volumes (dict "name" (include "db-health-exporter.injection.volumeName" "db-health-web-config") "secret" $source) -}}
{{- end -}}
{{- toYaml $volumes -}}
{{- end }}

{{/*
Settings of the policy where the values have none. The exporter's own pool keeps its defaults: an application's 50 connections are
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

{{/* The variables that the policy sets itself, and so never copies, as a JSON list. */}}
{{- define "db-health-exporter.injection.ownVariables" -}}
{{- $names := list -}}
{{- range (include "db-health-exporter.injection.container" . | fromYaml).env }}{{ $names = append $names .name }}{{ end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end }}

{{/*
The exporter's other settings, as a JSON list: the keys of a Secret that an annotation names become variables, and one called
LOG_LEVEL is meant for the application.
*/}}
{{- define "db-health-exporter.injection.otherSettings" -}}
{{- $own := include "db-health-exporter.injection.ownVariables" . | fromJsonArray -}}
{{- $names := list -}}
{{- range $name, $_ := include "db-health-exporter.settings" . | fromYaml -}}
{{- if not (or (has $name $own) (hasPrefix "DATABASE_" $name)) }}{{ $names = append $names $name }}{{ end -}}
{{- end -}}
{{- if not (has "WEB_CONFIG_FILE" $own) }}{{ $names = append $names "WEB_CONFIG_FILE" }}{{ end -}}
{{- $names | toJson -}}
{{- end }}

{{- define "db-health-exporter.injection.variables" -}}
{{- $addresses := include "db-health-exporter.addressVariables" . | fromYamlArray | toJson -}}
{{- $list := include "db-health-exporter.injection.list" . -}}
{{- $container := include "db-health-exporter.injection.container" . | fromYaml -}}
{{- $paths := list "/" -}}
{{- range $container.volumeMounts }}{{ $paths = concat $paths (list (trimSuffix "/" .mountPath) (trimSuffix "/" .mountPath | printf "%s/")) }}{{ end -}}
{{- $volumes := list "" -}}
{{- range include "db-health-exporter.injection.volumes" . | fromYamlArray }}{{ $volumes = append $volumes .name }}{{ end -}}
{{- $ports := list (include "db-health-exporter.port" . | int) (include "db-health-exporter.metricsPort" . | int) | uniq -}}
- name: container
  expression: object.metadata.?annotations[?'db-health-exporter/container'].orValue(object.spec.containers[0].name)
- name: secret
  expression: object.metadata.?annotations[?'db-health-exporter/secret'].orValue('')
- name: index
  expression: object.spec.containers.map(c, c.name).indexOf(variables.container)
- name: env
  expression: "variables.index < 0 ? [] : object.spec.containers[variables.index].?env.orValue([])"
- name: database
  expression: variables.env.filter(e, e.name.startsWith('DATABASE_') || e.name == 'DATABASES')
- name: texts
  expression: variables.database.filter(e, has(e.value)).map(e, e.value)
{{- /* The texts with blanks around each path: postgresql:///orders and u@/orders name databases, %2F is a slash of a host. */}}
- name: paths
  expression: >-
    {{- $blank := "' ' + variables.texts.join(' ')" }}
    {{- range $sign := tuple ":///" "@/" "://" }}{{ $blank = printf "%s.replace('%s', ' ')" $blank $sign }}{{ end }}
    {{- range $slash := tuple "%2F" "%2f" }}{{ $blank = printf "%s.replace('%s', '/')" $blank $slash }}{{ end }}
    {{- range $sign := tuple "=" "\"" "@" "," ":" "&" "?" }}{{ $blank = printf "%s.replace('%s', ' ')" $blank $sign }}{{ end }}
    {{ $blank }} + ' '
{{- /* A volume is shared where a file in it, or a socket's directory, is named; not where a database has its path's name. */}}
- name: mounts
  expression: >-
    variables.index < 0 ? [] : object.spec.containers[variables.index].?volumeMounts.orValue([]).filter(m,
      !(m.mountPath in {{ toJson $paths }})
      && (variables.paths.contains(' ' + m.mountPath + (m.mountPath.endsWith('/') ? '' : '/'))
        || variables.paths.contains(' ' + m.mountPath + ' ')))
{{- /* References are followed to their ends: $(NAME) in a value, and in the value of NAME again, eight deep. */}}
- name: references0
  expression: >-
    (variables.texts + variables.mounts.filter(m, has(m.subPathExpr)).map(m, m.subPathExpr)).join(' ')
    .findAll('[$][(][^()]+[)]')
{{- range $depth := untilStep 1 9 1 }}
- name: references{{ $depth }}
  expression: >-
    size(variables.references{{ sub $depth 1 }}) == 0 ? variables.references{{ sub $depth 1 }}
    : variables.env.filter(e, has(e.value) && e.value.contains('$(') && ('$(' + e.name + ')') in variables.references{{ sub $depth 1 }})
      .map(e, e.value).join(' ').findAll('[$][(][^()]+[)]')
{{- end }}
{{- /* Deeper ones: the references of every value of the container. */}}
- name: references
  expression: >-
    variables.references0{{ range $depth := untilStep 1 9 1 }} + variables.references{{ $depth }}{{ end }}
    + (size(variables.references8) == 0 ? []
      : variables.env.filter(e, has(e.value) && e.value.contains('$(')).map(e, e.value).join(' ').findAll('[$][(][^()]+[)]'))
- name: windows
  expression: >-
    object.spec.?os.?name.orValue('') == 'windows' || object.spec.?nodeSelector[?'kubernetes.io/os'].orValue('') == 'windows'
    || has(object.spec.securityContext) && has(object.spec.securityContext.windowsOptions)
    || object.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])
      .exists(t, t.?matchExpressions.orValue([]).exists(e, e.key == 'kubernetes.io/os' && 'windows' in e.?values.orValue([])))
- name: refusal
  expression: >-
    variables.windows ? 'the exporter runs on Linux alone'
    : object.spec.?hostNetwork.orValue(false) ? 'the pod uses the network of its node, where the port of the exporter may be taken'
    : variables.index < 0 ? 'the pod has no container ' + variables.container
    : size(variables.env) > 1000 ? 'container ' + variables.container + ' has more than 1000 variables'
    : size(variables.env) * size(variables.references) > 400000 ? 'container ' + variables.container + ' has too many references to variables'
    : object.spec.containers.exists(c, c.?ports.orValue([]).exists(p, p.containerPort in {{ toJson $ports }}))
    ? 'the pod uses port {{ join " or " $ports }} itself; exporter.settings.LISTEN_PORT can be another'
    : object.spec.?volumes.orValue([]).exists(v, v.name in {{ toJson $volumes }})
    ? 'the pod has a volume of a name that the exporter uses'
    : variables.secret == '' && !{{ include "db-health-exporter.addressInExtraEnv" . }} && !variables.env.exists(e, e.name in {{ $addresses }})
    ? 'container ' + variables.container + ' has neither DATABASE_URL nor DATABASE_HOST; the annotation db-health-exporter/secret can name a Secret that has'
    : variables.database.exists(e, e.name == 'DATABASE_URL' && has(e.value) && e.value.matches('^[a-zA-Z][a-zA-Z0-9+.-]*:')
      && !e.value.matches('^(?i)({{ include "db-health-exporter.schemes" . }})([+][a-z0-9_.+-]+)?:'))
    ? 'DATABASE_URL is of another database than PostgreSQL'
    : ''
- name: source
  expression: "'/spec/containers/' + string(variables.index)"
- name: target
  expression: "'/spec/{{ $list }}/' + string(size(object.spec.?{{ $list }}.orValue([])))"
{{- end }}
