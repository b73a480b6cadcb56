{{/* A pod. Takes (dict "root" $ "part" "data" "arguments" (list "serve") "data" true "control" true). */}}
{{- define "anyapi.pod" -}}
{{- $root := .root }}{{ $values := .root.Values -}}
{{- if ne (toString $values.resources.limits.memory) (toString $values.resources.requests.memory) }}
{{- fail "resources: limits.memory and requests.memory must be equal: else the kubelet may give these pods swap, and prompts may end on a disk" }}
{{- end -}}
metadata:
  labels:
    {{- include "anyapi.labels" . | nindent 4 }}
    {{- with $values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/config: {{ include "anyapi.toml" $root | sha256sum }}
    {{- with $values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false # these variables are named after Services, and AnyAPI refuses ANYAPI_ variables that it does not know
  terminationGracePeriodSeconds: {{ add (include "anyapi.drain" $root | int) $values.preStopSeconds 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch # else each start would make the audit log's key readable by the group, and AnyAPI refuse it
    seccompProfile: { type: RuntimeDefault }
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- if $values.auditKey.secretName }}
  initContainers:
    # A Secret's file is readable by the group, which AnyAPI refuses of this key: a copy in memory is the process's alone.
    - name: audit-key
      image: {{ include "anyapi.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      command: [/opt/anyapi/bin/python, -I, /opt/anyapi/private_copy.py, /run/anyapi/audit-secret/audit.key, /run/anyapi/audit/audit.key]
      {{- include "anyapi.container" $root | nindent 6 }}
      volumeMounts:
        - { name: audit-secret, mountPath: /run/anyapi/audit-secret, readOnly: true }
        - { name: audit, mountPath: /run/anyapi/audit }
  {{- end }}
  containers:
    - name: anyapi
      image: {{ include "anyapi.image" $root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: {{ toJson .arguments }}
      {{- include "anyapi.container" $root | nindent 6 }}
      env:
        {{- include "anyapi.environment" . | nindent 8 }}
      {{- $ports := list }}
      {{- if .data }}{{ $ports = append $ports (dict "name" "data" "containerPort" 8080) }}{{ end }}
      {{- if and .data $values.metrics.enabled }}{{ $ports = append $ports (dict "name" "metrics" "containerPort" 9464) }}{{ end }}
      {{- if and .control $values.controlTls.secretName }}{{ $ports = append $ports (dict "name" "control" "containerPort" 8081) }}{{ end }}
      ports: {{ toJson $ports }}
      {{- if $values.preStopSeconds }}
      lifecycle:
        preStop: { sleep: { seconds: {{ $values.preStopSeconds }} } }
      {{- end }}
      {{- include "anyapi.probes" . | nindent 6 }}
      volumeMounts:
        {{- include "anyapi.mounts" $root | nindent 8 }}
  volumes:
    {{- include "anyapi.volumes" . | nindent 4 }}
  {{- if and (eq .part "data") (eq $values.shape "split") }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: {{ $values.topologySpread.topologyKey }}
      whenUnsatisfiable: {{ $values.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "anyapi.selector" . | nindent 10 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "anyapi.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}

{{- define "anyapi.environment" -}}
- { name: ANYAPI_CONFIG, value: /etc/anyapi/anyapi.toml }
- { name: ANYAPI_DATA_DIR, value: /var/lib/anyapi }
- { name: ANYAPI_LISTEN, value: {{ printf "%s:8080" (include "anyapi.address" .root) | quote }} }
- { name: ANYAPI_CONTROL_LISTEN, value: {{ printf "%s:8081" (ternary (include "anyapi.address" .root) "127.0.0.1" (ne .root.Values.controlTls.secretName "")) | quote }} }
{{- if and .data .root.Values.metrics.enabled }}
- { name: ANYAPI_METRICS_LISTEN, value: {{ printf "%s:9464" (include "anyapi.address" .root) | quote }} }
{{- end }}
{{- if .root.Values.rootKey.secretName }}
- { name: ANYAPI_ROOT_KEY_FILE, value: /run/anyapi/root/root.key }
{{- end }}
{{- if .root.Values.auditKey.secretName }}
- { name: ANYAPI_AUDIT_KEY_FILE, value: /run/anyapi/audit/audit.key }
{{- end }}
{{- if eq .root.Values.shape "split" }}
- { name: ANYAPI_DATABASE_URL, valueFrom: { secretKeyRef: { name: {{ .root.Values.database.secretName }}, key: {{ .root.Values.database.key }} } } }
{{- end }}
{{- range $name, $from := .root.Values.secretEnvironment }}
- { name: {{ $name }}, valueFrom: { secretKeyRef: { name: {{ $from.secretName }}, key: {{ $from.key }} } } }
{{- end }}
{{- end }}

{{/* The data plane is asked over the network; a control plane without a certificate listens on loopback, where only its own container can ask. */}}
{{- define "anyapi.probes" -}}
{{- if .data -}}
{{- $scheme := ternary "HTTPS" "HTTP" (ne .root.Values.tls.secretName "") -}}
startupProbe: { httpGet: { path: /healthz, port: 8080, scheme: {{ $scheme }} }, periodSeconds: 2, failureThreshold: 150 }
livenessProbe: { httpGet: { path: /healthz, port: 8080, scheme: {{ $scheme }} }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }
readinessProbe: { httpGet: { path: /readyz, port: 8080, scheme: {{ $scheme }} }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 }
{{- else }}
{{- $asks := `exec: { command: [/opt/anyapi/bin/python, -I, /opt/anyapi/healthz.py, "127.0.0.1:8081", /api/healthz] }` -}}
{{- if .root.Values.controlTls.secretName }}{{ $asks = `httpGet: { path: /api/healthz, port: 8081, scheme: HTTPS }` }}{{ end -}}
startupProbe: { {{ $asks }}, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 150 }
livenessProbe: { {{ $asks }}, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 3 }
readinessProbe: { {{ $asks }}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 2 }
{{- end }}
{{- end }}

{{- define "anyapi.mounts" -}}
- { name: data, mountPath: /var/lib/anyapi }
- { name: config, mountPath: /etc/anyapi, readOnly: true }
{{- if .Values.credentials.secretName }}
- { name: credentials, mountPath: /run/anyapi/credentials, readOnly: true }
{{- end }}
{{- if .Values.rootKey.secretName }}
- { name: root-key, mountPath: /run/anyapi/root, readOnly: true }
{{- end }}
{{- if .Values.auditKey.secretName }}
- { name: audit, mountPath: /run/anyapi/audit }
{{- end }}
{{- if .Values.tls.secretName }}
- { name: tls, mountPath: /run/anyapi/tls, readOnly: true }
{{- end }}
{{- if .Values.controlTls.secretName }}
- { name: control-tls, mountPath: /run/anyapi/control-tls, readOnly: true }
{{- end }}
{{- end }}

{{- define "anyapi.volumes" -}}
{{- $values := .root.Values -}}
{{- if eq $values.shape "split" -}}
- { name: data, emptyDir: { sizeLimit: 64Mi } } # counts of accepted requests, which a container that starts again has to find
{{ end -}}
- { name: config, configMap: { name: {{ include "anyapi.name" .root }} } }
{{- if $values.credentials.secretName }}
- { name: credentials, secret: { secretName: {{ $values.credentials.secretName }}, defaultMode: 0440 } }
{{- end }}
{{- if $values.rootKey.secretName }}
- { name: root-key, secret: { secretName: {{ $values.rootKey.secretName }}, defaultMode: 0440, items: [{ key: {{ $values.rootKey.key }}, path: root.key }] } }
{{- end }}
{{- if $values.auditKey.secretName }}
- { name: audit-secret, secret: { secretName: {{ $values.auditKey.secretName }}, defaultMode: 0440, items: [{ key: {{ $values.auditKey.key }}, path: audit.key }] } }
- { name: audit, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
{{- end }}
{{- if $values.tls.secretName }}
- { name: tls, secret: { secretName: {{ $values.tls.secretName }}, defaultMode: 0440 } }
{{- end }}
{{- if $values.controlTls.secretName }}
- { name: control-tls, secret: { secretName: {{ $values.controlTls.secretName }}, defaultMode: 0440 } }
{{- end }}
{{- end }}
