// Command launcher runs a Kubernetes control plane for tests and lets them disturb it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	o, err := parseOptions(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		progress("%v", err)
		os.Exit(2)
	}
	if err := run(o); err != nil {
		progress("%v", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, closed := context.WithCancel(ctx)
	lines := commands(os.Stdin, closed)

	state, err := newStateDir(o)
	if err != nil {
		return err
	}
	defer state.remove()
	c, err := upWithRetry(ctx, o, state.path)
	if c != nil {
		defer c.down()
	}
	if ctx.Err() != nil {
		return nil // told to end before it was up
	}
	if err != nil {
		return err
	}
	say(c.report())
	c.serve(ctx, lines)
	progress("ending")
	return nil
}

// upWithRetry starts anew, with other ports, if one that was free is free no longer.
func upWithRetry(ctx context.Context, o *options, dir string) (*cluster, error) {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		sub := dir
		if attempt > 1 { // the logs of the first one may be wanted
			sub = fmt.Sprintf("%s/attempt-%d", dir, attempt)
		}
		c, err := newCluster(o, sub)
		if err != nil {
			return nil, err
		}
		if err = c.up(ctx); err == nil || attempt == attempts || !errors.Is(err, errPortTaken) {
			return c, err
		}
		progress("%v; trying again", errPortTaken)
		c.down()
	}
}
