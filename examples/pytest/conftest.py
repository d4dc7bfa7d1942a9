import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def image(pytestconfig):
    """The ID of the image. Every xdist worker is a process and asks for itself: no lock, and none goes first."""
    command = [os.environ.get("ENSURE_IMAGE", "ensure_image"), "-q", "app-test"]
    return subprocess.check_output(command, cwd=pytestconfig.rootpath, text=True).strip()
