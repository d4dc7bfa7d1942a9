package greeting

import (
	"testing"

	"example.org/app/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

func TestGreeting(t *testing.T) {
	if out := apptest.Run(t, "cat", "/greeting"); out != "hello\n" {
		t.Errorf("greeting: %q", out)
	}
}
