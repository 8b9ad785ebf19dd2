package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// client speaks JSON with the components, as the administrator.
type client struct{ http *http.Client }

func newClient(p *pki) (*client, error) {
	certificate, err := tls.X509KeyPair(p.admin.cert, p.admin.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.ca) {
		return nil, errors.New("the new authority's certificate does not parse")
	}
	transport := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		ForceAttemptHTTP2:     true,
		ResponseHeaderTimeout: 5 * time.Second,
	}
	return &client{&http.Client{Transport: transport}}, nil
}

// statusError is an answer other than 2xx.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %.300s", e.code, e.text) }

func hasStatus(err error, code int) bool {
	status, ok := errors.AsType[*statusError](err)
	return ok && status.code == code
}

// call sends body, if there is one, and reads the answer into answer, if one is wanted.
func (c *client) call(ctx context.Context, method, url string, body, answer any) error {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return &statusError{response.StatusCode, string(data)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(data, answer)
}

func (c *client) get(ctx context.Context, url string, answer any) error {
	return c.call(ctx, http.MethodGet, url, nil, answer)
}

// poll calls check until it says yes, for as long as the context lives; what kept it from saying
// so is part of the error.
func poll(ctx context.Context, what string, check func(context.Context) error) error {
	const interval = 50 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if last == nil {
				last = ctx.Err()
			}
			return fmt.Errorf("%s: %w (%w)", what, last, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}
