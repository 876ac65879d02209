{{/* `make generate` makes this of values.yaml and of what tools/chart/schema.yaml requires. */}}

{{- define "db-health-exporter.required" -}}
enabled: true
mode: app
app:
  image:
    registry: ''
    repository: ''
    tag: ''
    digest: ''
    pullPolicy: ''
  databaseEnv: true
  probes:
    startup: true
    readiness: true
    liveness: false
  service:
    enabled: false
    type: ClusterIP
database:
  fromFiles: true
exporter:
  image:
    registry: ghcr.io/db-health-exporter
    repository: db-health-exporter
    pullPolicy: IfNotPresent
  native: true
  startupGate:
    enabled: false
injection:
  namespaceSelector:
    matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
      - kube-system
  failurePolicy: Ignore
  apiVersion: ''
monitoring:
  podMonitor:
    enabled: false
  serviceMonitor:
    enabled: false
  rules:
    enabled: false
  dashboard:
    enabled: false
  grafanaDashboard:
    enabled: false
    instanceSelector:
      matchLabels:
        dashboards: grafana
    allowCrossNamespaceImport: true
serviceAccount:
  create: false
  automount: false
enableServiceLinks: false
{{- end }}
