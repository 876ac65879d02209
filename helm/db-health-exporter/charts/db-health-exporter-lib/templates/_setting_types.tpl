{{/*
What the exporter accepts as a value of each setting, checked before a pod is made that would end with status 2.
*/}}

{{/* Why a setting ("name" and "value" in the dict) is refused, or nothing; an empty text leaves a setting unset. */}}
{{- define "db-health-exporter.settingError" -}}
{{- $setting := include "db-health-exporter.settings" . | fromYaml | dig .name dict -}}
{{- $type := $setting.type -}}
{{- $text := include "db-health-exporter.settingText" . -}}
{{- $valid := true -}}
{{- if not $text -}}
{{- else if eq $type "duration" -}}
{{- $seconds := include "db-health-exporter.seconds" $text | default "-1" | float64 -}}
{{- $off := and $setting.off (eq $seconds 0.0) -}}
{{- $valid = or $off (and (ge $seconds $setting.minimum) (le $seconds $setting.maximum)) -}}
{{- else if has $type (list "number" "port") -}}
{{- $valid = regexMatch "^[0-9]{1,9}$" $text -}}
{{- $valid = and $valid (ge (float64 $text) $setting.minimum) (le (float64 $text) $setting.maximum) -}}
{{- else if eq $type "word" -}}
{{- $valid = has (lower $text) $setting.words -}}
{{- else if eq $type "boolean" -}}
{{- $valid = regexMatch "^(?i:true|false|on|off|yes|no|y|n|t|f|1|0)$" $text -}}
{{- else if eq $type "environment" -}}
{{- $valid = true -}}{{/* as the exporter: applications share this variable */}}
{{- else if eq $type "extensions" -}}
{{- $valid = regexMatch "^[ ,]*([A-Za-z_][A-Za-z0-9_-]{0,62} *(,[ ,]*|$))*$" $text -}}
{{- else if eq $type "networks" -}}
{{- $valid = true -}}
{{- range splitList "," $text -}}
{{- $network := trim . -}}
{{- $address := regexReplaceAll "/[0-9]{1,3}$" $network "" -}}
{{- $bits := ternary 128 32 (contains ":" $address) -}}
{{- $length := regexFind "/[0-9]{1,3}$" $network | trimPrefix "/" | default "0" -}}
{{- $known := and (regexMatch "^([0-9.]+|[0-9A-Fa-f.:]*:[0-9A-Fa-f.:]*)$" $address) (include "db-health-exporter.isHost" $address) -}}
{{- $valid = and $valid (or (not $network) (and $known (le (float64 $length) (float64 $bits)))) -}}
{{- end -}}
{{- else if eq $type "host" -}}
{{- $valid = include "db-health-exporter.isHost" (regexReplaceAll "^\\[(.*:.*)\\]$" $text "$1") -}}
{{- else -}}
{{- $valid = include "db-health-exporter.isListenAddress" $text -}}
{{- end -}}
{{- if not $valid -}}
must be {{ $setting.allowed }}
{{- else if and (eq (toString $type) "host") (include "db-health-exporter.isLoopback" $text) -}}
must not be a loopback address: leave it out, since the kubelet's probes come from outside the pod
{{- end -}}
{{- end }}

{{/* A duration in seconds, or nothing where the text is none. */}}
{{- define "db-health-exporter.seconds" -}}
{{- $text := trim . -}}
{{- if regexMatch "^([0-9]{1,9}([.][0-9]{0,9})?|[.][0-9]{1,9}) *(ms|s|m|h|d|)$" $text -}}
{{- $units := dict "" 1 "ms" 0.001 "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{- mulf (regexFind "^[0-9.]+" $text | printf "0%s" | trimSuffix ".") (get $units (regexFind "[a-z]*$" $text)) -}}
{{- end -}}
{{- end }}

{{/* "true" for an IP address or a host name. Digits and dots alone are an address or a typing error. */}}
{{- define "db-health-exporter.isHost" -}}
{{- $octet := "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])" -}}
{{- if regexMatch "^[0-9.]+$" . -}}
{{- if regexMatch (printf "^(%s[.]){3}%s$" $octet $octet) . }}true{{ end -}}
{{- else if or (regexMatch "^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$" .) (regexMatch "^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$" .) -}}
true
{{- end -}}
{{- end }}

{{/* "true" for an address that only the pod itself reaches. */}}
{{- define "db-health-exporter.isLoopback" -}}
{{- if regexMatch "^\\[?((?i:localhost|ip6-localhost|::ffff:127[.].*)|127[.].*|(0{0,4}:)+0{0,3}1)\\]?$" . }}true{{ end -}}
{{- end }}

{{/* "true" for an address that APP_POOL_LISTEN accepts. */}}
{{- define "db-health-exporter.isListenAddress" -}}
{{- $parts := regexFindAll "^(.+):([0-9]{1,5})(/udp)?$" . 1 -}}
{{- if or (eq . "off") (regexMatch "^unix:/.{1,100}$" .) -}}
true
{{- else if $parts -}}
{{- $host := regexReplaceAll "^(.+):([0-9]{1,5})(/udp)?$" . "$1" -}}
{{- $port := regexReplaceAll "^(.+):([0-9]{1,5})(/udp)?$" . "$2" | float64 -}}
{{- $plain := regexReplaceAll "^\\[(.*:.*)\\]$" $host "$1" -}}
{{- if and (le $port 65535.0) (or (ne $host $plain) (not (contains ":" $host))) }}{{ include "db-health-exporter.isHost" $plain }}{{ end -}}
{{- end -}}
{{- end }}

{{/* A quantity of Kubernetes as a number, or nothing where it is written in a form that is not compared. */}}
{{- define "db-health-exporter.quantity" -}}
{{- $text := kindIs "string" . | ternary . (toJson .) -}}
{{- if regexMatch "^[0-9]+([.][0-9]+)?[eE][0-9]{1,2}$" $text -}}
{{- float64 $text -}}
{{- else if regexMatch "^[0-9]+([.][0-9]+)?([mkMGTP]|[KMGTP]i)?$" $text -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{- mulf (regexFind "^[0-9.]+" $text) (get $units (regexFind "[A-Za-z]*$" $text)) -}}
{{- end -}}
{{- end }}
