//! Builds what the crate embeds and links.

#[path = "build/library.rs"]
mod library;
#[path = "build/shim.rs"]
mod shim;

fn main() {
    if let Err(message) = shim::build().and_then(|()| library::build()) {
        eprintln!("{message}");
        std::process::exit(1);
    }
}
