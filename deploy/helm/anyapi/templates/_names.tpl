{{- define "anyapi.name" -}}
{{- if contains "anyapi" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-anyapi" (.Release.Name | trunc 33 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{/* What selects pods: never changes while a release lives. Takes (dict "root" $ "part" "data"). */}}
{{- define "anyapi.selector" -}}
app.kubernetes.io/name: anyapi
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "anyapi.labels" -}}
{{ include "anyapi.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "anyapi.image" -}}
{{- if eq .Values.image.tag "latest" }}{{ fail "image.tag: latest is another image every time it is pulled: name a version, or a digest" }}{{ end -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end -}}
{{- end }}
