module daymark.dev/tests/control-plane/launcher

go 1.26.0
