//! What makes two compilers give different results: this library, those of LLVM and clang, and the
//! processor.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use crate::llvm::TargetMachine;

/// Libraries whose names begin so make up the compiler.
const LIBRARIES: [&str; 3] = ["libLLVM", "libclang", "libisocl_compiler"];

/// The identity of this compiler on this processor, as part of keys.
pub(super) fn of_compiler() -> &'static [u8] {
    static IDENTITY: OnceLock<Vec<u8>> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let processor = TargetMachine::host()
            .map(|machine| {
                format!(
                    "{} {} {}",
                    machine.triple(),
                    machine.cpu(),
                    machine.features()
                )
            })
            .unwrap_or_default();
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let libraries = libraries_in(&maps).map(state_of).collect::<String>();
        format!("{} {processor}{libraries}", env!("CARGO_PKG_VERSION")).into_bytes()
    })
}

/// Files of the compiler that are mapped, each once; the mappings of a file follow each other.
fn libraries_in(maps: &str) -> impl Iterator<Item = &str> {
    let mut last = "";
    maps.lines()
        .filter_map(|line| line.find('/').map(|start| &line[start..]))
        .filter(move |path| {
            let is_new = *path != last;
            last = path;
            let name = path.rsplit('/').next().unwrap_or_default();
            is_new && LIBRARIES.iter().any(|library| name.starts_with(library))
        })
}

/// Size and time of a file: an update changes at least one of them.
fn state_of(path: &str) -> String {
    match fs::metadata(Path::new(path)) {
        Ok(file) => format!(
            " {} {} {}.{}",
            path,
            file.size(),
            file.mtime(),
            file.mtime_nsec()
        ),
        Err(_) => format!(" {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_found_once_each() {
        let maps = "7f00-7f01 r-xp 00000000 08:02 1 /usr/lib/libLLVM.so.19.1\n\
                    7f01-7f02 rw-p 00001000 08:02 1 /usr/lib/libLLVM.so.19.1\n\
                    7f02-7f03 r-xp 00000000 08:02 2 /usr/lib/libc.so.6\n\
                    7f03-7f04 rw-p 00000000 00:00 0 [heap]\n\
                    7f04-7f05 r-xp 00000000 08:02 3 /opt/libisocl_compiler.so\n";
        let found: Vec<_> = libraries_in(maps).collect();
        assert_eq!(
            found,
            ["/usr/lib/libLLVM.so.19.1", "/opt/libisocl_compiler.so"]
        );
    }

    #[test]
    fn the_identity_names_the_libraries_of_this_process() {
        let identity = String::from_utf8(of_compiler().to_vec()).unwrap();
        assert!(identity.contains("libLLVM"), "{identity}");
        assert!(
            identity.contains("x86_64") || identity.contains("aarch64"),
            "{identity}"
        );
    }
}
