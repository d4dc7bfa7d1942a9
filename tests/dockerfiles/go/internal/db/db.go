internal/db/db.go
