//! Link options of the driver library.

fn main() {
    // References from inside the library never leave it, even where a loader exports the same name.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    // Worker threads and callbacks may outlive the last `dlclose`, so the code has to.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
