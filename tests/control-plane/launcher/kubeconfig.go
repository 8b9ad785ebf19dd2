package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

const kubeconfigTemplate = `apiVersion: v1
kind: Config
current-context: daymark-test
clusters:
- name: daymark-test
  cluster:
    server: %s
    certificate-authority-data: %s
contexts:
- name: daymark-test
  context:
    cluster: daymark-test
    user: %s
    namespace: default
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
`

// writeKubeconfig writes a kubeconfig that stands alone: all it refers to is within it. The file
// appears whole or not at all, as tests may be waiting for it.
func writeKubeconfig(file, server, user string, ca []byte, client pair) error {
	data := base64.StdEncoding.EncodeToString
	text := fmt.Sprintf(kubeconfigTemplate, server, data(ca), user, user, data(client.cert), data(client.key))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	partial := file + ".partial"
	if err := os.WriteFile(partial, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, file)
}
