cmd/tool/main.go
