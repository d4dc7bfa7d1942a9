cmd/server/main.go
