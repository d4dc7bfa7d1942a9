use std::env;
use std::process::{Command, Output};
use std::sync::LazyLock;

/// The ID of the image. Every process asks once: a test binary's under `cargo test`, a test's under cargo-nextest.
pub static IMAGE: LazyLock<String> = LazyLock::new(|| {
    let program = env::var("ENSURE_IMAGE").unwrap_or("ensure_image".into());
    stdout(Command::new(&program).args(["-q", "app-test"]).output().expect(&program))
});

/// What a command prints in a container of the image.
pub fn run(command: &[&str]) -> String {
    stdout(Command::new("docker").args(["run", "--rm", &IMAGE]).args(command).output().unwrap())
}

fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
