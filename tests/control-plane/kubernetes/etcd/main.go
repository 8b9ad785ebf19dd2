// Command etcd is etcd's own server; upstream's main package sits at a module
// root, so that the go command would name its binary "server".
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
