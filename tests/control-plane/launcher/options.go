package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const usage = `Usage: up [--nodes N] [--dir D] [--keep] [--kubeconfig F]
          [--apiserver-arg ARG]... [--controller-manager-arg ARG]...
          [--scheduler-arg ARG]... [--kwok-arg ARG]...

Starts a control plane of its own on loopback: etcd, kube-apiserver,
kube-controller-manager, kube-scheduler and kwok, which plays the nodes. When it
can take Pods, one line of JSON on standard output tells where it is. It ends,
and leaves nothing behind, when its standard input closes.

`

// options are what the command line says.
type options struct {
	bin, stages, dir, kubeconfig string
	nodes                        int
	keep                         bool
	apiServerArgs                list
	controllerManagerArgs        list
	schedulerArgs, kwokArgs      list
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return fmt.Sprint(*l) }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func parseOptions(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("up", flag.ContinueOnError)
	f.StringVar(&o.bin, "bin", "", "`folder` with the components' binaries (given by up)")
	f.StringVar(&o.stages, "stages", "", "`folder` with kwok's stages (given by up)")
	f.IntVar(&o.nodes, "nodes", 3, "how many nodes to make")
	f.StringVar(&o.dir, "dir", "", "`folder` for data, logs and certificates; an empty or absent one (default: a fresh temporary one)")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "`file` to write the administrator's kubeconfig to (default: kubeconfig in that folder)")
	f.BoolVar(&o.keep, "keep", false, "keep the temporary folder at the end")
	f.Var(&o.apiServerArgs, "apiserver-arg", "further `argument` for kube-apiserver")
	f.Var(&o.controllerManagerArgs, "controller-manager-arg", "further `argument` for kube-controller-manager")
	f.Var(&o.schedulerArgs, "scheduler-arg", "further `argument` for kube-scheduler")
	f.Var(&o.kwokArgs, "kwok-arg", "further `argument` for kwok")
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	for _, arg := range args { // asked for, help is the answer and not a complaint
		if arg == "-h" || arg == "-help" || arg == "--help" {
			f.SetOutput(os.Stdout)
		}
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	return o, o.check(f.Args())
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.bin == "" || o.stages == "":
		return errors.New("--bin and --stages are needed; start this by the script named up")
	case o.nodes < 0 || o.nodes > maxNodes:
		return fmt.Errorf("--nodes is to lie between 0 and %d", maxNodes)
	}
	for _, path := range []*string{&o.bin, &o.stages, &o.dir, &o.kubeconfig} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = absolute
	}
	for _, name := range componentNames {
		if _, err := os.Stat(filepath.Join(o.bin, name)); err != nil {
			return fmt.Errorf("no %s among the binaries: %w", name, err)
		}
	}
	return nil
}
