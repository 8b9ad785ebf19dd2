package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one component: how it is started, and the run of it that is under way.
type process struct {
	name    string
	address string // where it serves
	health  string // what answers 200 when it is ready
	path    string
	args    []string
	env     []string
	logFile string

	mu       sync.Mutex
	cmd      *exec.Cmd
	done     chan struct{} // closed when the run has ended
	expected bool          // whether that end was asked for
	paused   bool
}

// spawner starts every child from one thread that lives as long as the program: the kernel sends
// a child its death signal when the thread that forked it ends, not when the process does.
var spawner = sync.OnceValue(func() chan<- spawn {
	requests := make(chan spawn)
	go func() {
		runtime.LockOSThread()
		for request := range requests {
			request.result <- request.cmd.Start()
		}
	}()
	return requests
})

type spawn struct {
	cmd    *exec.Cmd
	result chan error
}

// start begins a run; unexpected is called if it ends without having been asked to.
func (p *process) start(unexpected func(*process)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return fmt.Errorf("%s is running already", p.name)
	}
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Dir = p.env, filepath.Dir(p.logFile)
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own, so that an interrupt typed at a terminal reaches the launcher alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	request := spawn{cmd, make(chan error, 1)}
	spawner() <- request
	if err := <-request.result; err != nil {
		return fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	p.cmd, p.done, p.expected, p.paused = cmd, make(chan struct{}), false, false
	go p.watch(cmd, p.done, unexpected)
	return nil
}

func (p *process) watch(cmd *exec.Cmd, done chan struct{}, unexpected func(*process)) {
	_ = cmd.Wait()
	p.mu.Lock()
	expected := p.expected
	p.mu.Unlock()
	close(done)
	if !expected {
		unexpected(p)
	}
}

// running is called with the lock held.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// signal sends one; end tells that the process is meant to end by it.
func (p *process) signal(signal syscall.Signal, end bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("%s is not running", p.name)
	}
	p.expected = p.expected || end
	err := p.cmd.Process.Signal(signal)
	if end && p.paused { // a stopped process takes no SIGTERM before it is continued
		err = errors.Join(err, p.cmd.Process.Signal(syscall.SIGCONT))
	}
	if err == nil {
		p.paused = signal == syscall.SIGSTOP
	}
	return err
}

// wait reports whether the run under way ended in time.
func (p *process) wait(limit time.Duration) bool {
	p.mu.Lock()
	done := p.done
	p.mu.Unlock()
	if done == nil {
		return true
	}
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}

func (p *process) exitStatus() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.cmd.ProcessState == nil {
		return "not ended"
	}
	return p.cmd.ProcessState.String()
}

// tail is the end of the component's log.
func (p *process) tail(lines int) string {
	text, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
