//! The migrations are built into the library: build it anew when one is added.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
