import subprocess


def run(image, *command):
    return subprocess.check_output(["docker", "run", "--rm", image, *command], text=True)


def test_greeting(image):
    assert run(image, "cat", "/greeting") == "hello\n"


def test_workdir(image):
    assert run(image, "pwd") == "/srv\n"


def test_user(image):
    assert run(image, "id", "-u") == "0\n"


def test_arguments(image):
    assert run(image, "echo", "a  b") == "a  b\n"
