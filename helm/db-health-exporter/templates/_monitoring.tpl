{{/*
The alerts take a name within a job and a namespace for one database, so each injected application must be a job of its own. A
pod without the label app.kubernetes.io/name is called after its workload, without a rollout's or a schedule's suffix; a pod
without a workload keeps the PodMonitor's name.
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
{{/*
The alert rules of files/alerts.yaml, less those that "rules.disabled" names, each with "rules.additionalLabels".
*/}}
{{- define "db-health-exporter.rules" -}}
{{- $text := .root.Files.Get "files/alerts.yaml" -}}
{{- if or .rules.disabled .rules.additionalLabels -}}
{{- $rules := .rules -}}
{{- $known := list -}}
{{- $groups := list -}}
{{- range (fromYaml $text).groups -}}
{{- $kept := list -}}
{{- range .rules -}}
{{- if .record -}}
{{- $kept = append $kept . -}}
{{- else -}}
{{- $known = append $known .alert -}}
{{- $_ := set . "labels" (mergeOverwrite (.labels | default dict) (deepCopy ($rules.additionalLabels | default dict))) -}}
{{- if not (has .alert ($rules.disabled | default list)) }}{{ $kept = append $kept . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $kept }}{{ $groups = append $groups (merge (dict "rules" $kept) .) }}{{ end -}}
{{- end -}}
{{- range $rules.disabled -}}
{{- if not (has . $known) -}}
{{- fail (printf "monitoring.rules.disabled names %s, which is no alert: use one of %s" . (sortAlpha $known | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- dict "groups" $groups | toYaml -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end }}
