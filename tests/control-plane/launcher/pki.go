package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is a certificate authority, and the folder its certificates go to.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
}

// pair is a certificate with its key, as PEM, and where both are kept.
type pair struct {
	certFile, keyFile string
	cert, key         []byte
}

// pki holds all that the components need to know each other by.
type pki struct {
	caFile, caKeyFile         string
	ca                        []byte
	frontProxyCAFile          string
	serving, kubelet          pair
	frontProxy                pair
	admin, controllers        pair
	scheduler, kwok           pair
	serviceAccountKey         string
	serviceAccountPublicKey   string
	clusterCA, frontAuthority *authority
}

// serviceNet is the range of Service addresses; its first one is the API server's own.
const (
	serviceNet   = "10.96.0.0/16"
	serviceFirst = "10.96.0.1"
)

// newPKI makes everything anew. Elliptic curves, because RSA keys would take longer than etcd's start.
func newPKI(dir string) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p := &pki{
		caFile: filepath.Join(dir, "ca.crt"), caKeyFile: filepath.Join(dir, "ca.key"),
		frontProxyCAFile: filepath.Join(dir, "front-proxy-ca.crt"),
	}
	var err error
	if p.clusterCA, err = newAuthority(dir, "ca"); err != nil {
		return nil, err
	}
	if p.frontAuthority, err = newAuthority(dir, "front-proxy-ca"); err != nil {
		return nil, err
	}
	if p.ca, err = os.ReadFile(p.caFile); err != nil {
		return nil, err
	}
	if err := p.issueAll(); err != nil {
		return nil, err
	}
	return p, p.newServiceAccountKey(dir)
}

func (p *pki) issueAll() error {
	masters := []string{"system:masters"}
	for _, want := range []struct {
		to      *pair
		by      *authority
		name    string
		subject pkix.Name
	}{
		{&p.serving, p.clusterCA, "serving", pkix.Name{CommonName: "kube-apiserver"}},
		{&p.kubelet, p.clusterCA, "kubelet-client", pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: masters}},
		{&p.frontProxy, p.frontAuthority, "front-proxy-client", pkix.Name{CommonName: "front-proxy-client"}},
		{&p.admin, p.clusterCA, "admin", pkix.Name{CommonName: "daymark-test", Organization: masters}},
		{&p.controllers, p.clusterCA, "kube-controller-manager", pkix.Name{CommonName: "system:kube-controller-manager"}},
		{&p.scheduler, p.clusterCA, "kube-scheduler", pkix.Name{CommonName: "system:kube-scheduler"}},
		{&p.kwok, p.clusterCA, "kwok", pkix.Name{CommonName: "kwok", Organization: masters}},
	} {
		issued, err := want.by.issue(want.name, want.subject)
		if err != nil {
			return err
		}
		*want.to = issued
	}
	return nil
}

// newServiceAccountKey makes the key that ServiceAccount tokens are signed with; it is RSA, as
// clients that check such tokens themselves mostly know nothing else.
func (p *pki) newServiceAccountKey(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	p.serviceAccountKey = filepath.Join(dir, "service-account.key")
	p.serviceAccountPublicKey = filepath.Join(dir, "service-account.pub")
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(p.serviceAccountPublicKey, "PUBLIC KEY", public); err != nil {
		return err
	}
	return writePEM(p.serviceAccountKey, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func newAuthority(dir, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := certificate(pkix.Name{CommonName: "daymark-test-" + name})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &authority{dir: dir, cert: cert, key: key}
	_, err = a.save(name, der, key)
	return a, err
}

// issue makes a certificate for a client or, by the name "serving", the one that every component
// on this machine serves with.
func (a *authority) issue(name string, subject pkix.Name) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	template := certificate(subject)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if name == "serving" {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceFirst)}
		template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return pair{}, err
	}
	return a.save(name, der, key)
}

func (a *authority) save(name string, der []byte, key *ecdsa.PrivateKey) (pair, error) {
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	out := pair{
		certFile: filepath.Join(a.dir, name+".crt"), keyFile: filepath.Join(a.dir, name+".key"),
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}
	if err := os.WriteFile(out.certFile, out.cert, 0o600); err != nil {
		return pair{}, err
	}
	return out, os.WriteFile(out.keyFile, out.key, 0o600)
}

func certificate(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // rand.Reader never fails
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
