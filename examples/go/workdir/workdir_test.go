package workdir

import (
	"testing"

	"example.org/app/apptest"
)

func TestMain(m *testing.M) { apptest.Main(m) }

func TestWorkdir(t *testing.T) {
	if out := apptest.Run(t, "pwd"); out != "/srv\n" {
		t.Errorf("workdir: %q", out)
	}
}
