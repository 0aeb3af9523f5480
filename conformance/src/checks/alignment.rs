//! The alignment argument of `clSVMAlloc` (§5.6.1).

use std::ffi::c_void;

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group};
use crate::session::CallError;

/// Sizes on both sides of what allocators treat differently.
const SIZES: [usize; 12] = [
    1,
    3,
    64,
    100,
    127,
    128,
    129,
    4095,
    4096,
    5000,
    1 << 20,
    (3 << 20) + 1,
];

/// The group.
pub const GROUP: Group = Group {
    name: "alignment",
    about: "the alignment argument of clSVMAlloc",
    checks: &[
        Check::new(
            "alignment/default",
            "5.6.1",
            "An alignment of 0 means the size of the largest data type that the implementation supports.",
            default,
        ),
        Check::new(
            "alignment/one-to-sixteen",
            "5.6.1",
            "clSVMAlloc honours alignments of 1, 2, 4, 8 and 16 bytes.",
            |environment| honoured(environment, &[1, 2, 4, 8, 16]),
        ),
        Check::new(
            "alignment/up-to-largest-type",
            "5.6.1",
            "clSVMAlloc honours the alignments up to the size of the largest data type that the device supports.",
            up_to_largest_type,
        ),
        Check::new(
            "alignment/page",
            "5.6.1",
            "An alignment larger than any data type, up to 4096, is honoured, or refused with NULL.",
            |environment| honoured_or_refused(environment, 8..=12),
        ),
        Check::new(
            "alignment/megabytes",
            "5.6.1",
            "An alignment between 8 KiB and 1 MiB is honoured, or refused with NULL.",
            |environment| honoured_or_refused(environment, 13..=20),
        ),
        Check::new(
            "alignment/huge",
            "5.6.1",
            "An alignment between 2 MiB and 2 GiB is honoured, or refused with NULL.",
            |environment| honoured_or_refused(environment, 21..=31),
        ),
        Check::new(
            "alignment/not-a-power-of-two",
            "5.6.1",
            "clSVMAlloc returns NULL for an alignment that is not a power of two.",
            |environment| refused(environment, &[3, 5, 6, 7, 9, 12, 24, 48, 96, 100, 127]),
        ),
        Check::new(
            "alignment/large-and-not-a-power-of-two",
            "5.6.1",
            "clSVMAlloc returns NULL for a large alignment that is not a power of two.",
            |environment| refused(environment, &[129, 384, 4097, 0x8000_0001, cl_uint::MAX]),
        ),
        Check::new(
            "alignment/every-kind",
            "5.6.1",
            "The alignment holds for every kind of SVM buffer that the device supports.",
            every_kind,
        ),
    ],
};

/// Size of the largest data type: `long16`, or `int16` where 64-bit integers are missing.
pub(super) fn largest_type(environment: &Environment) -> Result<cl_uint, CallError> {
    let profile = environment.device_string(CL_DEVICE_PROFILE)?;
    let has_long = profile != "EMBEDDED_PROFILE" || environment.has_extension("cles_khr_int64")?;
    Ok(if has_long { 128 } else { 64 })
}

/// Demands that memory is there, at a multiple of the alignment.
fn aligned(what: &str, pointer: *mut c_void, alignment: cl_uint) -> Finding {
    let fits = (pointer as usize).is_multiple_of(alignment as usize);
    expect::that(!pointer.is_null() && fits, || {
        (
            format!("{what} gives memory at a multiple of {alignment} bytes"),
            format!("{pointer:?}"),
        )
    })
}

fn default(environment: &Environment) -> Finding {
    let alignment = largest_type(environment)?;
    for size in SIZES {
        let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, 0);
        let what = format!("clSVMAlloc of {size} bytes with an alignment of 0");
        aligned(&what, pointer, alignment)?;
    }
    Ok(())
}

fn honoured(environment: &Environment, alignments: &[cl_uint]) -> Finding {
    for size in SIZES {
        for alignment in alignments {
            let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, *alignment);
            let what = format!("clSVMAlloc of {size} bytes with an alignment of {alignment}");
            aligned(&what, pointer, *alignment)?;
        }
    }
    Ok(())
}

fn up_to_largest_type(environment: &Environment) -> Finding {
    match largest_type(environment)? {
        64 => honoured(environment, &[32, 64]),
        _ => honoured(environment, &[32, 64, 128]),
    }
}

fn honoured_or_refused(
    environment: &Environment,
    powers: std::ops::RangeInclusive<u32>,
) -> Finding {
    for power in powers {
        let alignment = 1_u32 << power;
        for size in [1, 100, 5000] {
            let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, alignment);
            if !pointer.is_null() {
                let what = format!("clSVMAlloc of {size} bytes with an alignment of {alignment}");
                aligned(&what, pointer, alignment)?;
                // The ends of what was promised can be used.
                environment.store(pointer, &vec![1_u8; size])?;
                environment.free(pointer);
            }
        }
    }
    Ok(())
}

fn refused(environment: &Environment, alignments: &[cl_uint]) -> Finding {
    for size in SIZES {
        for alignment in alignments {
            let pointer = environment.try_svm(CL_MEM_READ_WRITE, size, *alignment);
            expect::that(pointer.is_null(), || {
                (
                    format!(
                        "clSVMAlloc of {size} bytes with an alignment of {alignment} returns NULL"
                    ),
                    format!("{pointer:?}"),
                )
            })?;
        }
    }
    Ok(())
}

fn every_kind(environment: &Environment) -> Finding {
    let capabilities = environment.svm_capabilities();
    let largest = largest_type(environment)?;
    let fine = CL_MEM_SVM_FINE_GRAIN_BUFFER;
    let mut kinds = vec![0, CL_MEM_READ_ONLY, CL_MEM_WRITE_ONLY];
    if capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER != 0 {
        kinds.push(fine);
        if capabilities & CL_DEVICE_SVM_ATOMICS != 0 {
            kinds.push(fine | CL_MEM_SVM_ATOMICS);
        }
    }
    for flags in kinds {
        for size in SIZES {
            let pointer = environment.try_svm(flags, size, largest);
            aligned(
                &format!("clSVMAlloc of {size} bytes with flags {flags:#x} and an alignment of {largest}"),
                pointer,
                largest,
            )?;
        }
    }
    Ok(())
}
