package main

import (
	"fmt"
	"path/filepath"
	"slices"
)

// Names of the components, which are those of their binaries; also the order they are started in.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
)

var componentNames = []string{etcd, apiServer, controllerManager, scheduler, kwok}

// layout is what the components' flags are made from.
type layout struct {
	options *options
	dir     string
	pki     *pki
	ports   map[string]int
}

const etcdPeer = "etcd peer"

func newLayout(o *options, dir string, certificates *pki) (*layout, error) {
	keys := append(slices.Clone(componentNames), etcdPeer)
	ports, err := freePorts(len(keys))
	if err != nil {
		return nil, err
	}
	l := &layout{options: o, dir: dir, pki: certificates, ports: map[string]int{}}
	for i, key := range keys {
		l.ports[key] = ports[i]
	}
	return l, nil
}

func (l *layout) url(scheme, name string) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, l.ports[name])
}

func (l *layout) server() string { return l.url("https", apiServer) }

func (l *layout) kubeconfig(name string) string {
	return filepath.Join(l.dir, "kubeconfigs", name)
}

func (l *layout) podLogs() string { return filepath.Join(l.dir, "pod-logs.yaml") }

func (l *layout) podPorts() string { return filepath.Join(l.dir, "pod-ports.yaml") }

// processes describes every component; none is started yet.
func (l *layout) processes() (map[string]*process, error) {
	stages, err := stageFiles(l.options.stages)
	if err != nil {
		return nil, err
	}
	describe := func(name, scheme, health string, args []string) *process {
		url := l.url(scheme, name)
		return &process{
			name: name, address: url, health: url + health,
			path: filepath.Join(l.options.bin, name), args: args,
			// Nothing of the user's own: kwok, for one, reads a configuration from the home folder.
			env:     []string{"HOME=" + l.dir, "PATH=/usr/bin:/bin", "TMPDIR=" + l.dir},
			logFile: filepath.Join(l.dir, "logs", name+".log"),
		}
	}
	return map[string]*process{
		etcd:              describe(etcd, "http", "/readyz", l.etcdArgs()),
		apiServer:         describe(apiServer, "https", "/readyz", l.apiServerArgs()),
		controllerManager: describe(controllerManager, "https", "/healthz", l.controllerManagerArgs()),
		scheduler:         describe(scheduler, "https", "/readyz", l.schedulerArgs()),
		kwok:              describe(kwok, "http", "/healthz", l.kwokArgs(stages)),
	}, nil
}

func (l *layout) etcdArgs() []string {
	client, peer := l.url("http", etcd), l.url("http", etcdPeer)
	return []string{
		"--name=etcd",
		"--data-dir=" + filepath.Join(l.dir, "etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=etcd=" + peer,
		"--unsafe-no-fsync", // what a power cut would lose is of no worth here
		"--log-level=warn",
	}
}

func (l *layout) apiServerArgs() []string {
	p := l.pki
	args := []string{
		"--etcd-servers=" + l.url("http", etcd),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", l.ports[apiServer]),
		"--tls-cert-file=" + p.serving.certFile,
		"--tls-private-key-file=" + p.serving.keyFile,
		"--cert-dir=" + filepath.Join(l.dir, "apiserver"),
		"--client-ca-file=" + p.caFile,
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceNet,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.serviceAccountPublicKey,
		"--service-account-signing-key-file=" + p.serviceAccountKey,
		"--requestheader-client-ca-file=" + p.frontProxyCAFile,
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + p.frontProxy.certFile,
		"--proxy-client-key-file=" + p.frontProxy.keyFile,
		"--kubelet-client-certificate=" + p.kubelet.certFile,
		"--kubelet-client-key=" + p.kubelet.keyFile,
		"--kubelet-preferred-address-types=ExternalIP", // where kwok serves; the others lead nowhere, or astray
		"--endpoint-reconciler-type=none",
		"--enable-aggregator-routing=true", // to endpoints: nothing routes a Service's own address
		"--profiling=false",
	}
	return append(args, l.options.apiServerArgs...)
}

func (l *layout) controllerManagerArgs() []string {
	p := l.pki
	args := append(l.leaderlessArgs(controllerManager),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+p.serviceAccountKey,
		"--root-ca-file="+p.caFile,
		"--cluster-signing-cert-file="+p.caFile,
		"--cluster-signing-key-file="+p.caKeyFile,
		// The defaults would make tests wait for the client and not for the cluster.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	return append(args, l.options.controllerManagerArgs...)
}

func (l *layout) schedulerArgs() []string {
	args := append(l.leaderlessArgs(scheduler), "--kube-api-qps=500", "--kube-api-burst=1000")
	return append(args, l.options.schedulerArgs...)
}

// leaderlessArgs are what the two that work through a kubeconfig have in common. They serve with the
// API server's certificate, since making one of their own costs them half a second.
func (l *layout) leaderlessArgs(name string) []string {
	return []string{
		"--kubeconfig=" + l.kubeconfig(name),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", l.ports[name]),
		"--tls-cert-file=" + l.pki.serving.certFile,
		"--tls-private-key-file=" + l.pki.serving.keyFile,
		"--profiling=false",
	}
}

func (l *layout) kwokArgs(stages []string) []string {
	args := []string{
		"--kubeconfig=" + l.kubeconfig(kwok),
		"--manage-all-nodes=true",
		"--node-lease-duration-seconds=40", // the kubelet's default
		"--cidr=" + podNet,
		"--server-address=" + fmt.Sprintf("127.0.0.1:%d", l.ports[kwok]),
	}
	for _, config := range append(stages, l.podLogs(), l.podPorts()) {
		args = append(args, "--config="+config)
	}
	return append(args, l.options.kwokArgs...)
}

func stageFiles(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no stages (*.yaml) in %s", dir)
	}
	return files, err
}
