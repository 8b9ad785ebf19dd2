package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
)

// Every node has a range of 1024 Pod addresses within podNet, so that Pods need no controller to
// get one, and room for more Pods than a real kubelet would take.
const (
	podNet      = "10.128.0.0/9"
	podsPerNode = "1000"
	maxNodes    = 4096
)

type object = map[string]any

func podRange(i int) string    { return fmt.Sprintf("10.%d.%d.0/22", 128+i/64, i%64*4) }
func nodeAddress(i int) string { return fmt.Sprintf("172.16.%d.%d", i/250, i%250+1) }

// node is what a kubelet would register. Its conditions come from kwok's stages. All nodes have one
// kubelet, which is kwok.
func node(i int, version string, kubeletPort int) object {
	name := fmt.Sprintf("kwok-node-%d", i)
	room := object{"cpu": "32", "memory": "256Gi", "pods": podsPerNode, "ephemeral-storage": "1Ti", "hugepages-2Mi": "0"}
	return object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{
			"name": name,
			"labels": object{
				"kubernetes.io/hostname": name,
				"kubernetes.io/os":       "linux", "beta.kubernetes.io/os": "linux",
				"kubernetes.io/arch": "amd64", "beta.kubernetes.io/arch": "amd64",
				"type": "kwok",
			},
		},
		"spec": object{"podCIDR": podRange(i), "podCIDRs": []string{podRange(i)}},
		"status": object{
			"capacity": room, "allocatable": room,
			"addresses": []object{
				{"type": "InternalIP", "address": nodeAddress(i)},
				{"type": "ExternalIP", "address": "127.0.0.1"},
				{"type": "Hostname", "address": name},
			},
			"daemonEndpoints": object{"kubeletEndpoint": object{"Port": kubeletPort}},
			"nodeInfo": object{
				"architecture": "amd64", "operatingSystem": "linux", "osImage": "kwok", "kernelVersion": "6.12.0",
				"containerRuntimeVersion": "containerd://2.2.0", "kubeletVersion": version, "kubeProxyVersion": "",
				"bootID": "", "machineID": "", "systemUUID": "",
			},
		},
	}
}

// createNodes asks for all of them, a few at a time.
func (c *client) createNodes(ctx context.Context, server string, n, kubeletPort int) error {
	var version struct{ GitVersion string }
	if err := c.get(ctx, server+"/version", &version); err != nil {
		return err
	}
	const parallel = 8
	var group sync.WaitGroup
	failures := make([]error, n)
	room := make(chan struct{}, parallel)
	for i := range n {
		group.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			failures[i] = c.call(ctx, http.MethodPost, server+"/api/v1/nodes", node(i, version.GitVersion, kubeletPort), nil)
			if hasStatus(failures[i], http.StatusConflict) {
				failures[i] = nil
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// nodesReady tells whether Pods can be scheduled on every node: a new one is tainted until the
// controllers have seen it Ready.
func (c *client) nodesReady(ctx context.Context, server string, n int) error {
	var list struct {
		Items []struct {
			Spec   struct{ Taints []struct{ Key string } }
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	// From the API server's memory: this is asked for many times.
	if err := c.get(ctx, server+"/api/v1/nodes?resourceVersion=0", &list); err != nil {
		return err
	}
	ready := 0
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && len(node.Spec.Taints) == 0 {
				ready++
			}
		}
	}
	if ready < n {
		return fmt.Errorf("%d of %d nodes are ready", ready, n)
	}
	return nil
}
