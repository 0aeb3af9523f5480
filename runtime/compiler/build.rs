//! Builds what the crate embeds and links.

#[path = "build/library.rs"]
mod library;

fn main() {
    if let Err(message) = library::build() {
        eprintln!("{message}");
        std::process::exit(1);
    }
}
