use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use super::*;

/// Every fact in common, as an expression of C and its value here.
fn facts() -> Vec<(String, u64)> {
    let mut facts = Vec::new();
    macro_rules! layout {
        ($rust:ident, $c:literal, $($field:ident)*) => {
            facts.push((format!("sizeof(struct {})", $c), size_of::<$rust>() as u64));
            $(facts.push((
                format!("offsetof(struct {}, {})", $c, stringify!($field)),
                offset_of!($rust, $field) as u64,
            ));)*
        };
    }
    macro_rules! numbers {
        ($($rust:expr, $c:literal;)*) => { $(facts.push(($c.to_owned(), u64::from($rust)));)* };
    }
    layout!(Range, "isocl_range", start end);
    layout!(Query, "isocl_query", size abi_version address_bits page_shift features aperture_start
        aperture_end max_buffer_length memory_limit reserved reserved_count pad);
    layout!(BufferCreate, "isocl_buffer_create", size flags length alignment handle pad mmap_offset);
    layout!(BufferDestroy, "isocl_buffer_destroy", size handle);
    layout!(BufferInfo, "isocl_buffer_info", size handle address length pages flags pad);
    layout!(Populate, "isocl_buffer_part", size handle offset length);
    layout!(Discard, "isocl_buffer_part", size handle offset length);
    layout!(Mirror, "isocl_mirror", size flags start length id pad);
    layout!(Submit, "isocl_submit", size count ops op_size pad sequence);
    layout!(Wait, "isocl_wait", size status sequence deadline);
    layout!(Fault, "isocl_fault", size lost address sequence op access side reason time);
    layout!(Op, "isocl_op", opcode function width data_length destination source length operand
        compare data);
    numbers! {
        ABI_VERSION, "ISOCL_ABI_VERSION";
        Query::NUMBER, "ISOCL_IOC_QUERY";
        BufferCreate::NUMBER, "ISOCL_IOC_BUFFER_CREATE";
        BufferDestroy::NUMBER, "ISOCL_IOC_BUFFER_DESTROY";
        BufferInfo::NUMBER, "ISOCL_IOC_BUFFER_INFO";
        Populate::NUMBER, "ISOCL_IOC_POPULATE";
        Discard::NUMBER, "ISOCL_IOC_DISCARD";
        Mirror::NUMBER, "ISOCL_IOC_MIRROR";
        Submit::NUMBER, "ISOCL_IOC_SUBMIT";
        Wait::NUMBER, "ISOCL_IOC_WAIT";
        Fault::NUMBER, "ISOCL_IOC_FAULT";
        FEATURE_ENGINE, "ISOCL_FEATURE_ENGINE";
        FEATURE_MIRROR, "ISOCL_FEATURE_MIRROR";
        BUFFER_LAZY, "ISOCL_BUFFER_LAZY";
        OP_FILL, "ISOCL_OP_FILL";
        OP_COPY, "ISOCL_OP_COPY";
        OP_ATOMIC, "ISOCL_OP_ATOMIC";
        OP_CHASE, "ISOCL_OP_CHASE";
        OP_CHECKSUM, "ISOCL_OP_CHECKSUM";
        OP_DELAY, "ISOCL_OP_DELAY";
        ATOMIC_ADD, "ISOCL_ATOMIC_ADD";
        ATOMIC_SUB, "ISOCL_ATOMIC_SUB";
        ATOMIC_AND, "ISOCL_ATOMIC_AND";
        ATOMIC_OR, "ISOCL_ATOMIC_OR";
        ATOMIC_XOR, "ISOCL_ATOMIC_XOR";
        ATOMIC_MIN, "ISOCL_ATOMIC_MIN";
        ATOMIC_MAX, "ISOCL_ATOMIC_MAX";
        ATOMIC_EXCHANGE, "ISOCL_ATOMIC_EXCHANGE";
        ATOMIC_COMPARE_EXCHANGE, "ISOCL_ATOMIC_COMPARE_EXCHANGE";
        ACCESS_WRITE, "ISOCL_ACCESS_WRITE";
        SIDE_DEVICE, "ISOCL_SIDE_DEVICE";
        FAULT_UNMAPPED, "ISOCL_FAULT_UNMAPPED";
        FAULT_PROTECTION, "ISOCL_FAULT_PROTECTION";
        FAULT_ADDRESS_BITS, "ISOCL_FAULT_ADDRESS_BITS";
        FAULT_RESERVED, "ISOCL_FAULT_RESERVED";
        FAULT_NOT_OWNED, "ISOCL_FAULT_NOT_OWNED";
        FAULT_MISALIGNED, "ISOCL_FAULT_MISALIGNED";
        FAULT_NO_MEMORY, "ISOCL_FAULT_NO_MEMORY";
    }
    facts
}

#[test]
fn structures_and_numbers_are_those_of_the_header() {
    let folder = std::env::temp_dir().join(format!("isocl-uapi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, object) = (folder.join("facts.c"), folder.join("facts.o"));
    let checks: String = facts()
        .iter()
        .map(|(expression, value)| {
            format!("_Static_assert({expression} == {value}u, \"{expression}\");\n")
        })
        .collect();
    let includes = "#include <stddef.h>\n#include \"isocl.h\"\n";
    std::fs::write(&source, format!("{includes}{checks}")).unwrap();
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("module/uapi");
    let output = Command::new("cc")
        .args(["-std=gnu11", "-c", "-I"])
        .arg(header)
        .args(["-o".as_ref(), object.as_os_str(), source.as_os_str()])
        .output()
        .expect("a C compiler");
    std::fs::remove_dir_all(&folder).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
}
