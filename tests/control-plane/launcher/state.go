package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// stateDir is the folder that a run keeps its files in.
type stateDir struct {
	path    string
	own     bool      // made here, to be removed at the end
	sweeper io.Closer // closing it lets the sweeper go on
}

func newStateDir(o *options) (*stateDir, error) {
	if o.dir != "" {
		entries, err := os.ReadDir(o.dir)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		if len(entries) > 0 {
			return nil, fmt.Errorf("%s is not empty", o.dir)
		}
		return &stateDir{path: o.dir}, os.MkdirAll(o.dir, 0o700)
	}
	path, err := os.MkdirTemp("", "daymark-control-plane-")
	if err != nil {
		return nil, err
	}
	s := &stateDir{path: path, own: !o.keep}
	if s.own {
		s.sweeper, err = startSweeper(path)
	}
	return s, err
}

// sweep waits until the launcher is gone and removes the folder; the components, which are killed
// in the same moment, may still write to it, so it looks again.
const sweep = `cat >/dev/null; for i in 1 2 3 4 5; do rm -rf -- "$0" && [ ! -e "$0" ] && exit; sleep 1; done`

// startSweeper starts a shell that removes the folder when the launcher is gone, however it went:
// the kernel then closes the pipe that the shell reads from.
func startSweeper(path string) (io.Closer, error) {
	sweeper := exec.Command("/bin/sh", "-c", sweep, path)
	sweeper.Dir = "/"
	sweeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	input, err := sweeper.StdinPipe()
	if err != nil {
		return nil, err
	}
	return input, sweeper.Start()
}

func (s *stateDir) remove() {
	if !s.own {
		progress("logs and data are in %s", s.path)
		return
	}
	if err := os.RemoveAll(s.path); err != nil {
		progress("%v", err)
	}
	_ = s.sweeper.Close()
}
