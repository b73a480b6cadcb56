{{/* The operator's anyapi.toml, read, so that a mistake is found here and not in a pod that does not start. */}}
{{- define "anyapi.read" -}}
{{- $read := fromToml .Values.config -}}
{{- if hasKey $read "Error" }}{{ fail (printf "config is no TOML: %s" (get $read "Error")) }}{{ end -}}
{{- range $path := list "server.listen" "server.tls" "control.listen" "control.tls" "control.enabled" "metrics.listen" "storage.data_dir" "encryption.root_key_file" "audit.key_file" -}}
  {{- $section := index (splitList "." $path) 0 -}}
  {{- if hasKey (get $read $section | default dict) (index (splitList "." $path) 1) }}{{ fail (printf "config: %s is set by the chart: use its values" $path) }}{{ end -}}
{{- end -}}
{{- toJson $read -}}
{{- end }}

{{/* anyapi.toml as pods see it: the operator's, and TLS, for which there is no variable. */}}
{{- define "anyapi.toml" -}}
{{- $checked := include "anyapi.read" . -}}
{{ with .Values.config }}{{ . | trim }}
{{ end }}
{{- if .Values.tls.secretName }}
[server.tls]
certificate = "/run/anyapi/tls/tls.crt"
key = "/run/anyapi/tls/tls.key"
{{ end }}
{{- if .Values.controlTls.secretName }}
[control.tls]
certificate = "/run/anyapi/control-tls/tls.crt"
key = "/run/anyapi/control-tls/tls.key"
{{ end }}
{{- end }}

{{/* Seconds that running answers may take to end: drain_timeout of the configuration. */}}
{{- define "anyapi.drain" -}}
{{- $limits := dig "server" "limits" dict (include "anyapi.read" . | fromJson) -}}
{{- get $limits "drain_timeout" | default 30 | float64 | ceil | int -}}
{{- end }}

{{- define "anyapi.address" -}}
{{- if contains ":" .Values.listenAddress }}[{{ .Values.listenAddress }}]{{ else }}{{ .Values.listenAddress }}{{ end -}}
{{- end }}
