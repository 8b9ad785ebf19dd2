package main

import (
	"encoding/json"
	"os"
)

// Ports of Pods that are forwarded, from the first on.
const (
	firstPodPort = 24100
	podPorts     = 100
)

// writePodPorts writes what kwok reads about ports: those of every Pod are the same ports of this machine's
// loopback, where a test may listen.
func writePodPorts(file string) error {
	var forwards []object
	for port := firstPodPort; port < firstPodPort+podPorts; port++ {
		target := object{"address": "127.0.0.1", "port": port}
		forwards = append(forwards, object{"ports": []int{port}, "target": target})
	}
	ports := object{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward",
		"metadata": object{"name": "every-pod"},
		"spec":     object{"forwards": forwards},
	}
	text, err := json.Marshal(ports) // which is YAML
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
