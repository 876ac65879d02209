{{/*
What the exporter takes for each kind of setting, in its own words: exporter/kinds.py and exporter/settings.py.
*/}}

{{/* What is wrong with one setting, "name" and "value" in the dict, or nothing; an empty text is no setting. */}}
{{- define "db-health-exporter.settingComplaint" -}}
{{- $kind := include "db-health-exporter.knownSettings" . | fromYaml | dig .name dict -}}
{{- $text := include "db-health-exporter.settingText" . -}}
{{- if not $text -}}
{{- else if eq $kind.is "time" -}}
{{- $seconds := include "db-health-exporter.seconds" $text | default "-1" | float64 -}}
{{- if not (or (and $kind.zero (eq $seconds 0.0)) (and (ge $seconds $kind.from) (le $seconds $kind.to))) -}}
must be {{ if $kind.zero }}0 for off, or {{ end }}a time from {{ toJson $kind.from }} s to {{ toJson $kind.to }} s, written as 5, 0.5, 500ms, 30s or 1m
{{- end -}}
{{- else if has $kind.is (list "number" "port") -}}
{{- if not (and (regexMatch "^[0-9]{1,9}$" $text) (ge (float64 $text) $kind.from) (le (float64 $text) $kind.to)) -}}
must be a {{ $kind.is }} from {{ toJson $kind.from }} to {{ toJson $kind.to }}
{{- end -}}
{{- else if eq $kind.is "word" -}}
{{- if not (regexMatch (printf "^(?i:%s)$" $kind.among) $text) }}must be {{ $kind.words }}{{ end -}}
{{- else if eq $kind.is "truth" -}}
{{- if not (regexMatch "^(?i:true|false|on|off|yes|no|y|n|t|f|1|0)$" $text) }}must be true or false{{ end -}}
{{- else if eq $kind.is "environment" -}}
{{- if not (regexMatch "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$" $text) }}must be a word, as production or test{{ end -}}
{{- else if eq $kind.is "extensions" -}}
{{- if not (regexMatch "^[ ,]*([A-Za-z_][A-Za-z0-9_-]{0,62} *(,[ ,]*|$))*$" $text) -}}
must be names of extensions, separated by commas
{{- end -}}
{{- else if eq $kind.is "host" -}}
{{- if not (include "db-health-exporter.isHost" (regexReplaceAll "^\\[(.*:.*)\\]$" $text "$1")) -}}
must be an IP address or a host name
{{- else if regexMatch "^\\[?((?i:localhost|ip6-localhost|::ffff:127[.].*)|127[.].*|(0{0,4}:)+0{0,3}1)\\]?$" $text -}}
must not be a loopback address: leave it out, since the kubelet's probes come from outside the pod
{{- end -}}
{{- else if not (include "db-health-exporter.isListen" $text) -}}
must be HOST:PORT, HOST:PORT/udp, unix:/PATH or off
{{- end -}}
{{- end }}

{{/* A duration in seconds, or nothing where it is none. */}}
{{- define "db-health-exporter.seconds" -}}
{{- $text := trim . -}}
{{- if regexMatch "^([0-9]{1,9}([.][0-9]{0,9})?|[.][0-9]{1,9}) *(ms|s|m|h|d|)$" $text -}}
{{- $units := dict "" 1 "ms" 0.001 "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{- mulf (regexFind "^[0-9.]+" $text | printf "0%s" | trimSuffix ".") (get $units (regexFind "[a-z]*$" $text)) -}}
{{- end -}}
{{- end }}

{{/* Whether it is an address or a name, as "true" or nothing; only digits and dots are an address or a typing error. */}}
{{- define "db-health-exporter.isHost" -}}
{{- $octet := "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])" -}}
{{- if regexMatch "^[0-9.]+$" . -}}
{{- if regexMatch (printf "^(%s[.]){3}%s$" $octet $octet) . }}true{{ end -}}
{{- else if or (regexMatch "^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$" .) (regexMatch "^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$" .) -}}
true
{{- end -}}
{{- end }}

{{/* Whether reports may be taken there, as "true" or nothing. */}}
{{- define "db-health-exporter.isListen" -}}
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

{{/* A quantity of Kubernetes as a number, or nothing where it is none that is compared. */}}
{{- define "db-health-exporter.quantity" -}}
{{- $text := kindIs "string" . | ternary . (toJson .) -}}
{{- if regexMatch "^[0-9]+([.][0-9]+)?([mkMGTP]|[KMGTP]i)?$" $text -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{- mulf (regexFind "^[0-9.]+" $text) (get $units (regexFind "[A-Za-z]*$" $text)) -}}
{{- end -}}
{{- end }}
