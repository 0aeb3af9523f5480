//! The library as a file: what it exports, what it needs; and its dispatch table.
use std::path::PathBuf;

use isocl::dispatch::DISPATCH;
use object::elf::{DF_1_NODELETE, DT_FLAGS_1, DT_NEEDED};
use object::read::elf::{Dyn, ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSymbol};

/// What loaders look up by name; everything else they find through these.
const ENTRY_POINTS: [&str; 6] = [
    "clGetExtensionFunctionAddress",
    "clGetExtensionFunctionAddressForPlatform",
    "clGetPlatformInfo",
    "clIcdGetFunctionAddressForPlatformKHR",
    "clIcdGetPlatformIDsKHR",
    "clIcdSetPlatformDispatchDataKHR",
];

/// The driver that was built along with this test.
fn library() -> Vec<u8> {
    let test = std::env::current_exe().unwrap();
    let near = |folder: Option<&std::path::Path>| -> Option<PathBuf> {
        Some(folder?.join("libisocl.so")).filter(|path| path.exists())
    };
    let folder = test.parent();
    let path = near(folder).or_else(|| near(folder.and_then(|folder| folder.parent())));
    std::fs::read(path.unwrap()).unwrap()
}

#[test]
fn the_library_exports_the_entry_points_and_nothing_else() {
    let bytes = library();
    let file = object::File::parse(&*bytes).unwrap();
    let mut names: Vec<_> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .map(|symbol| symbol.name().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ENTRY_POINTS);
}

#[test]
fn the_library_needs_no_loader_and_is_never_unloaded() {
    let bytes = library();
    let file = ElfFile64::<Endianness>::parse(&*bytes).unwrap();
    let (endian, data) = (file.endian(), file.data());
    let sections = file.elf_header().sections(endian, data).unwrap();
    let (entries, strings) = sections.dynamic(endian, data).unwrap().unwrap();
    let strings = sections.strings(endian, data, strings).unwrap();
    let needed: Vec<_> = entries
        .iter()
        .filter(|entry| entry.tag32(endian) == Some(DT_NEEDED))
        .map(|entry| std::str::from_utf8(entry.string(endian, strings).unwrap()).unwrap())
        .collect();
    assert!(needed.contains(&"libc.so.6"), "{needed:?}");
    for foreign in ["OpenCL", "LLVM", "clang", "stdc++"] {
        assert!(
            !needed.iter().any(|name| name.contains(foreign)),
            "{needed:?}"
        );
    }
    let flags = entries
        .iter()
        .find(|entry| entry.tag32(endian) == Some(DT_FLAGS_1))
        .and_then(|entry| entry.val32(endian));
    assert_ne!(flags.unwrap_or(0) & DF_1_NODELETE, 0);
}

#[test]
fn no_slot_of_the_dispatch_table_is_empty_and_two_hold_the_tag() {
    const TAG: usize = 0x4F50_454E_434C_3331;
    assert_eq!(size_of_val(&DISPATCH), 150 * size_of::<usize>());
    // SAFETY: the table is 150 words, checked above, and all of them are initialised.
    let words = unsafe { &*std::ptr::from_ref(&DISPATCH).cast::<[usize; 150]>() };
    let tags: Vec<_> = (0..150).filter(|slot| words[*slot] == TAG).collect();
    assert_eq!(tags, [0, 31]);
    assert!(words.iter().all(|word| *word != 0));
}
