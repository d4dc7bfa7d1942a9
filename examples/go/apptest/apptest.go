// Package apptest is what the tests of several packages share.
package apptest

import (
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Image is the ID of the image, once Main has run.
var Image string

// Main is every package's TestMain. go test runs each package in a process of its own, several at once.
func Main(m *testing.M) {
	program := os.Getenv("ENSURE_IMAGE")
	if program == "" {
		program = "ensure_image"
	}
	ensure := exec.Command(program, "-q", "--images", "../images", "app-test")
	ensure.Stderr = os.Stderr
	id, err := ensure.Output()
	if err != nil {
		log.Fatalf("ensure_image: %v", err)
	}
	Image = strings.TrimSpace(string(id))
	os.Exit(m.Run())
}

// Run is what a command prints in a container of the image.
func Run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command("docker", append([]string{"run", "--rm", Image}, command...)...).Output()
	if err != nil {
		t.Fatalf("docker run: %v", err)
	}
	return string(out)
}
