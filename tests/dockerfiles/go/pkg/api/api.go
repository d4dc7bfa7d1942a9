pkg/api/api.go
