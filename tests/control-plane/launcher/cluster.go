package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// cluster is the control plane while it runs.
type cluster struct {
	options    *options
	dir        string
	layout     *layout
	client     *client
	processes  map[string]*process
	kubeconfig string
	died       chan *process // those that ended by themselves while starting
	settled    atomic.Bool   // the start is over: a death is no longer fatal
}

// errPortTaken asks for another try with other ports.
var errPortTaken = errors.New("a port was taken meanwhile")

func newCluster(o *options, dir string) (*cluster, error) {
	for _, sub := range []string{"logs", "kubeconfigs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	certificates, err := newPKI(filepath.Join(dir, "pki"))
	if err != nil {
		return nil, err
	}
	c := &cluster{options: o, dir: dir, died: make(chan *process, len(componentNames)), kubeconfig: o.kubeconfig}
	if c.kubeconfig == "" {
		c.kubeconfig = filepath.Join(dir, "kubeconfig")
	}
	if c.layout, err = newLayout(o, dir, certificates); err != nil {
		return nil, err
	}
	if c.client, err = newClient(certificates); err != nil {
		return nil, err
	}
	if c.processes, err = c.layout.processes(); err != nil {
		return nil, err
	}
	if err := writePodLogs(c.layout.podLogs(), o.stages); err != nil {
		return nil, err
	}
	if err := writePodPorts(c.layout.podPorts()); err != nil {
		return nil, err
	}
	return c, c.writeKubeconfigs()
}

func (c *cluster) writeKubeconfigs() error {
	p := c.layout.pki
	for name, client := range map[string]pair{controllerManager: p.controllers, scheduler: p.scheduler, kwok: p.kwok} {
		if err := writeKubeconfig(c.layout.kubeconfig(name), c.layout.server(), name, p.ca, client); err != nil {
			return err
		}
	}
	return nil
}

// up starts everything and waits until Pods can be made and will run.
func (c *cluster) up(ctx context.Context) error {
	const limit = 3 * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not ready within %v", limit))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case p := <-c.died:
			fail(deathOf(p))
		case <-ctx.Done():
		}
	}()
	begin := time.Now()
	for _, phase := range c.phases() {
		if err := phase.run(ctx); err != nil {
			if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
				err = cause
			}
			if death, ok := errors.AsType[*deathError](err); ok {
				return death
			}
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		progress("%s (%.1f s)", phase.name, time.Since(begin).Seconds())
	}
	c.settled.Store(true)
	p := c.layout.pki
	return writeKubeconfig(c.kubeconfig, c.layout.server(), "daymark-test", p.ca, p.admin)
}

type phase struct {
	name string
	run  func(context.Context) error
}

func (c *cluster) phases() []phase {
	server := c.layout.server()
	return []phase{
		{"etcd answers", func(ctx context.Context) error { return c.startAndWait(ctx, etcd) }},
		{"kube-apiserver is ready", func(ctx context.Context) error { return c.startAndWait(ctx, apiServer) }},
		{"controllers, scheduler and kwok are started", func(ctx context.Context) error {
			if err := c.client.createNodes(ctx, server, c.options.nodes, c.layout.ports[kwok]); err != nil {
				return err
			}
			return c.startAndWait(ctx, controllerManager, scheduler, kwok)
		}},
		{"the default ServiceAccount exists", func(ctx context.Context) error {
			return poll(ctx, "waiting for it", func(ctx context.Context) error {
				return c.client.get(ctx, server+"/api/v1/namespaces/default/serviceaccounts/default", nil)
			})
		}},
		{fmt.Sprintf("%d nodes are ready", c.options.nodes), func(ctx context.Context) error {
			return poll(ctx, "waiting for them", func(ctx context.Context) error {
				return c.client.nodesReady(ctx, server, c.options.nodes)
			})
		}},
	}
}

func (c *cluster) startAndWait(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := c.processes[name].start(c.unexpected); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := c.healthy(ctx, c.processes[name]); err != nil {
			return err
		}
	}
	return nil
}

// healthy waits until the component answers well, or has ended.
func (c *cluster) healthy(ctx context.Context, p *process) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	go func() {
		select {
		case <-done:
			cancel(deathOf(p))
		case <-ctx.Done():
		}
	}()
	return poll(ctx, p.name+" does not answer", func(ctx context.Context) error {
		return c.client.get(ctx, p.health, nil)
	})
}

// unexpected is called when a component ends without having been asked to.
func (c *cluster) unexpected(p *process) {
	if !c.settled.Load() {
		c.died <- p
		return
	}
	progress("%s ended by itself (%s); its log ends:\n%s", p.name, p.exitStatus(), p.tail(20))
}

// deathError tells of a component's end, with what it said last.
type deathError struct {
	text    string
	portHit bool
}

func (e *deathError) Error() string { return e.text }

func (e *deathError) Is(target error) bool { return target == errPortTaken && e.portHit }

func deathOf(p *process) error {
	tail := p.tail(20)
	return &deathError{
		text:    fmt.Sprintf("%s ended by itself (%s); its log ends:\n%s", p.name, p.exitStatus(), tail),
		portHit: strings.Contains(tail, "address already in use"),
	}
}

// down ends everything: asked first, then without asking. All are asked at once, as no state is
// to be saved and none has to outlive another.
func (c *cluster) down() {
	const grace = 700 * time.Millisecond
	c.settled.Store(true)
	for _, p := range c.processes {
		_ = p.signal(syscall.SIGTERM, true) // an error says that it has ended already
	}
	deadline := time.Now().Add(grace)
	for p := range maps.Values(c.processes) {
		p.wait(time.Until(deadline))
	}
	for _, p := range c.processes {
		_ = p.signal(syscall.SIGKILL, true)
		p.wait(grace)
	}
}

// report is the line that says it is ready.
func (c *cluster) report() object {
	components := object{}
	for _, name := range slices.Sorted(maps.Keys(c.processes)) {
		p := c.processes[name]
		components[name] = object{"pid": p.pid(), "address": p.address}
	}
	return object{
		"ready": true, "kubeconfig": c.kubeconfig, "server": c.layout.server(),
		"dir": c.dir, "bin": c.options.bin, "components": components,
	}
}
