package main

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// freePorts finds n ports on loopback that nothing listens on. They lie below the range that the
// kernel takes for outgoing connections (and that Services take for NodePorts), so that a stopped
// component finds its port free when it is started again.
func freePorts(n int) ([]int, error) {
	const low, high, attempts = 10250, 29999, 1000
	ports := make([]int, 0, n)
	taken := map[int]bool{}
	for range attempts {
		if len(ports) == n {
			return ports, nil
		}
		port := low + rand.IntN(high-low+1)
		if taken[port] || !free(port) {
			continue
		}
		taken[port] = true
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("no %d free ports between %d and %d", n, low, high)
}

func free(port int) bool {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
