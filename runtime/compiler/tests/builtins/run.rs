//! Builds a program through the compiler's messages and runs its first kernel.

#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_compiler::service::respond;
use isocl_compiler_interface::features::{LANGUAGE_EXTENSIONS, LANGUAGE_FEATURES};
use isocl_compiler_interface::launch::{KernelEntry, LaunchFrame};
use isocl_compiler_interface::message::{Limits, Request, Response, Target};
use isocl_compiler_interface::rows::Rows;

fn target() -> Target {
    let names = |features: &[isocl_compiler_interface::features::Feature]| {
        features
            .iter()
            .map(|feature| feature.name.to_owned())
            .collect()
    };
    Target {
        extensions: names(LANGUAGE_EXTENSIONS),
        features: names(LANGUAGE_FEATURES),
        limits: Limits::NONE,
    }
}

/// An executable's binary, or the build log.
pub fn try_build(source: &str, options: &str) -> Result<Vec<u8>, String> {
    let built = |response| match response {
        Response::Built { binary, .. } => Ok(binary),
        Response::Failed { log, .. } => Err(log),
        other => panic!("{other:?}"),
    };
    let object = built(respond(Request::Compile {
        target: target(),
        source: source.into(),
        options: options.to_owned(),
        headers: Vec::new(),
    }))?;
    built(respond(Request::Link {
        target: target(),
        objects: vec![object],
        options: String::new(),
    }))
}

unsafe extern "C" fn no_printf(_: *mut c_void, _: *const u8, _: usize) {}

/// Runs the first kernel, whose arguments are `in`, `out` and then local memory of the sizes in
/// `local`, over a two-dimensional NDRange. Returns the most work-items in a sub-group.
pub fn run(
    source: &str,
    options: &str,
    global: [u64; 2],
    group: [u64; 2],
    input: &[i32],
    out: &mut [i32],
    local: &[u64],
) -> u32 {
    let binary = try_build(source, options).unwrap_or_else(|log| panic!("{log}"));
    let Response::Loaded(executable) = respond(Request::Load { binary }) else {
        panic!("not loaded");
    };
    let request = Request::Kernel {
        executable: executable.id,
        kernel: 0,
        rows: Rows::new(
            &[global[0], global[1], 1],
            &[0; 3],
            &[group[0], group[1], 1],
        ),
    };
    let code = match respond(request) {
        Response::Kernel(code) => code,
        other => panic!("{other:?}"),
    };
    let kernel = &executable.kernels[0];
    let mut block = vec![0u64; kernel.argument_block_bytes.div_ceil(8) as usize + 1];
    let mut local_end = code.local_bytes;
    let mut values = vec![input.as_ptr() as u64, out.as_mut_ptr() as u64];
    for bytes in local {
        values.push(local_end);
        local_end += bytes.next_multiple_of(128);
    }
    for (argument, value) in kernel.arguments.iter().zip(values) {
        block[argument.offset as usize / 8] = value;
    }
    let items = group[0] * group[1];
    let scratch_bytes =
        local_end + code.context_bytes_per_work_item * items + code.context_bytes_per_group;
    let mut scratch = vec![0u8; scratch_bytes as usize + 256];
    let shift = scratch.as_ptr().align_offset(128);
    let frame = LaunchFrame {
        work_dim: 2,
        reserved: 0,
        global_size: [global[0], global[1], 1],
        global_offset: [0; 3],
        local_size: [group[0], group[1], 1],
        group_count: [
            global[0].div_ceil(group[0]),
            global[1].div_ceil(group[1]),
            1,
        ],
        arguments: block.as_ptr().cast(),
        context_offset: local_end,
        printf: no_printf,
        printf_context: std::ptr::null_mut(),
    };
    // SAFETY: the compiler returned the entry of a loaded executable; frame, argument block and
    // scratch are laid out as `launch.rs` says, and the buffers hold what the test kernels touch.
    unsafe {
        let entry = std::mem::transmute::<usize, KernelEntry>(code.entry as usize);
        let groups = frame.group_count[0] * frame.group_count[1];
        entry(&frame, &[0; 3], groups, scratch.as_mut_ptr().add(shift));
    }
    respond(Request::Unload {
        executable: executable.id,
    });
    code.sub_group_size
}
