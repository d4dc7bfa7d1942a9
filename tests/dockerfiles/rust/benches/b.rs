benches/b.rs
