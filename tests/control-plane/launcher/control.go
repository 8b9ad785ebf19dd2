package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// commandLimit is how long any one command may take.
const commandLimit = time.Minute

// commands reads lines until the input closes, and says so by calling closed.
func commands(input io.Reader, closed func()) <-chan string {
	lines := make(chan string)
	go func() {
		defer closed()
		scanner := bufio.NewScanner(input)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// serve answers one command after the other until the context ends.
func (c *cluster) serve(ctx context.Context, lines <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case line := <-lines:
			command := strings.TrimSpace(line)
			if command == "" {
				continue
			}
			answer := object{"ok": true, "command": command}
			if err := c.obey(ctx, strings.Fields(command)); err != nil {
				answer["ok"], answer["error"] = false, err.Error()
			}
			say(answer)
		}
	}
}

var disturbances = []string{"kill", "stop", "start", "pause", "resume"}

func (c *cluster) obey(ctx context.Context, words []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, commandLimit, fmt.Errorf("not done within %v", commandLimit))
	defer cancel()
	if words[0] == "compact" && len(words) == 1 {
		return c.compact(ctx)
	}
	if len(words) != 2 || !slices.Contains(disturbances, words[0]) {
		return fmt.Errorf("want one of: %s NAME, or compact", strings.Join(disturbances, "|"))
	}
	p, ok := c.processes[words[1]]
	if !ok {
		return fmt.Errorf("no component %q; there are: %s", words[1], strings.Join(componentNames, ", "))
	}
	switch words[0] {
	case "kill":
		return end(p, syscall.SIGKILL)
	case "stop":
		return end(p, syscall.SIGTERM)
	case "start":
		return c.startAgain(ctx, p)
	case "pause":
		return p.signal(syscall.SIGSTOP, false)
	default:
		return p.signal(syscall.SIGCONT, false)
	}
}

// startAgain starts a component that was ended. kwok is started anew with the API server: unlike a
// kubelet, it never repeats a request whose connection broke, and a Pod that it was about to change
// would stay as it is.
func (c *cluster) startAgain(ctx context.Context, p *process) error {
	if p.name == kwok {
		return c.startKwokAgain(ctx)
	}
	if err := c.startAndWait(ctx, p.name); err != nil || p.name != apiServer {
		return err
	}
	nodes := c.processes[kwok]
	if !nodes.alive() {
		return nil
	}
	if err := end(nodes, syscall.SIGKILL); err != nil {
		return err
	}
	return c.startKwokAgain(ctx)
}

// startKwokAgain starts kwok if it has ended. A new one would wait until the Leases of the one
// before it have expired; as that one is gone for sure, they are taken from it.
func (c *cluster) startKwokAgain(ctx context.Context) error {
	if !c.processes[kwok].alive() {
		leases := c.layout.server() + "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
		if err := c.client.call(ctx, http.MethodDelete, leases, nil, nil); err != nil {
			progress("nodes may take a while to be taken over: %v", err)
		}
	}
	return c.startAndWait(ctx, kwok)
}

func end(p *process, signal syscall.Signal) error {
	if err := p.signal(signal, true); err != nil {
		return err
	}
	if !p.wait(commandLimit) {
		return fmt.Errorf("%s still runs after %v", p.name, commandLimit)
	}
	return nil
}

// compact makes etcd forget all but the newest state, so that whoever asks for older is told it
// has expired.
func (c *cluster) compact(ctx context.Context) error {
	base := c.processes[etcd].address
	anyKey := base64.StdEncoding.EncodeToString([]byte{0})
	var answer struct{ Header struct{ Revision string } }
	body := object{"key": anyKey, "range_end": anyKey, "count_only": true}
	if err := c.client.call(ctx, http.MethodPost, base+"/v3/kv/range", body, &answer); err != nil {
		return err
	}
	body = object{"revision": answer.Header.Revision, "physical": true}
	return c.client.call(ctx, http.MethodPost, base+"/v3/kv/compaction", body, nil)
}

// say prints one line of JSON for the program that started this one.
func say(line object) {
	data, _ := json.Marshal(line) // maps of strings and numbers always do
	_, _ = os.Stdout.Write(append(data, '\n'))
}

// progress prints one line for people.
func progress(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "control plane: "+format+"\n", values...)
}
