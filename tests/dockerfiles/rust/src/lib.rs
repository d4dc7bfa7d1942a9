src/lib.rs
