package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// writePodLogs writes what kwok reads about logs: those of every container are the files beside the
// stages, which it reads anew for each request.
func writePodLogs(file, stages string) error {
	logs := object{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterLogs",
		"metadata": object{"name": "every-pod"},
		"spec": object{"logs": []object{{
			"logsFile":         filepath.Join(stages, "current.log"),
			"previousLogsFile": filepath.Join(stages, "previous.log"),
		}}},
	}
	text, err := json.Marshal(logs) // which is YAML
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
