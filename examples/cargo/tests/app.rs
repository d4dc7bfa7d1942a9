mod common;

#[test]
fn greeting() {
    assert_eq!(common::run(&["cat", "/greeting"]), "hello");
}

#[test]
fn workdir() {
    assert_eq!(common::run(&["pwd"]), "/srv");
}

#[test]
fn user() {
    assert_eq!(common::run(&["id", "-u"]), "0");
}

#[test]
fn arguments() {
    assert_eq!(common::run(&["echo", "a  b"]), "a  b");
}
