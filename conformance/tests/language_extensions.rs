//! What device queries say of extensions of the language, and that it goes with their names and
//! features.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use isocl_conformance::client::{atomic, offset, read, write};
use isocl_conformance::session::Session;
use opencl_sys::*;

fn session() -> Session {
    Session::open().expect("an OpenCL device (run the tests with `make test`)")
}

/// Names of a list with versions, each with its major version.
fn names(session: &Session, query: cl_device_info) -> Vec<(String, u32)> {
    let mut bytes = 0;
    let api = session.api;
    let code = api.clGetDeviceInfo(session.device, query, 0, null_mut(), &mut bytes);
    assert_eq!(code, CL_SUCCESS);
    let mut list = vec![0_u32; bytes / 4];
    let answer = list.as_mut_ptr().cast();
    let code = api.clGetDeviceInfo(session.device, query, bytes, answer, null_mut());
    assert_eq!(code, CL_SUCCESS);
    list.chunks(1 + CL_NAME_VERSION_MAX_NAME_SIZE / 4)
        .map(|one| {
            let name: Vec<u8> = one[1..]
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect();
            let end = name.iter().position(|byte| *byte == 0).unwrap();
            (
                String::from_utf8(name[..end].to_vec()).unwrap(),
                one[0] >> 22,
            )
        })
        .collect()
}

/// The words of an answer, whose size must be just theirs.
fn words<const N: usize>(session: &Session, query: cl_device_info) -> Result<[u32; N], cl_int> {
    let mut answer = [u32::MAX; N];
    let bytes = size_of_val(&answer);
    let mut size = 0;
    let mut ask = |bytes: usize| {
        let api = session.api;
        let room = answer.as_mut_ptr().cast();
        api.clGetDeviceInfo(session.device, query, bytes, room, &mut size)
    };
    match ask(bytes) {
        CL_SUCCESS => {}
        code => return Err(code),
    }
    assert_eq!(ask(bytes - 1), CL_INVALID_VALUE, "{query:#x}");
    assert_eq!(size, bytes, "{query:#x}");
    Ok(answer)
}

#[test]
fn integer_dot_products_are_told_of_with_the_extension() {
    let session = session();
    let capabilities = words(&session, CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR);
    let accelerations = [
        CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT_KHR,
        CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_4x8BIT_PACKED_KHR,
    ];
    let extensions = names(&session, CL_DEVICE_EXTENSIONS_WITH_VERSION);
    let Some((_, major)) = extensions
        .iter()
        .find(|(name, _)| name == "cl_khr_integer_dot_product")
    else {
        assert_eq!(capabilities, Err::<[u32; 2], _>(CL_INVALID_VALUE));
        return;
    };
    let [low, high] = capabilities.unwrap();
    let features = names(&session, CL_DEVICE_OPENCL_C_FEATURES);
    let has = |feature: &str| features.iter().any(|(name, _)| name == feature);
    let packed = CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_PACKED_KHR as u32;
    let vectors = CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_KHR as u32;
    assert_eq!(high, 0);
    assert_eq!(low & !(packed | vectors), 0, "{low:#x}");
    let feature = "__opencl_c_integer_dot_product_input_4x8bit";
    assert_eq!(low & vectors != 0, has(feature));
    assert_eq!(low & packed != 0, has(&format!("{feature}_packed")));
    if *major >= 2 {
        assert_eq!(low, packed | vectors);
        for query in accelerations {
            let truths: [cl_bool; 6] = words(&session, query).unwrap();
            assert!(truths.iter().all(|truth| *truth <= CL_TRUE), "{truths:?}");
        }
    }
}

/// The queries of cl_ext_float_atomics with the words for their types in names of features.
const FLOAT_ATOMICS: [(cl_device_info, &str); 3] =
    [(0x4231, "fp32"), (0x4232, "fp64"), (0x4233, "fp16")];

#[test]
fn float_atomics_are_told_of_with_the_extension() {
    let session = session();
    let extensions = names(&session, CL_DEVICE_EXTENSIONS_WITH_VERSION);
    let promised = extensions
        .iter()
        .any(|(name, _)| name == "cl_ext_float_atomics");
    let features = names(&session, CL_DEVICE_OPENCL_C_FEATURES);
    for (query, kind) in FLOAT_ATOMICS {
        let capabilities = words(&session, query);
        if !promised {
            assert_eq!(capabilities, Err::<[u32; 2], _>(CL_INVALID_VALUE));
            continue;
        }
        let [low, high] = capabilities.unwrap();
        assert_eq!((low & !0x7_0007, high), (0, 0), "{kind}");
        for (space, shift) in [("global", 0), ("local", 16)] {
            for (what, bit) in [("load_store", 1), ("add", 2), ("min_max", 4)] {
                let feature = format!("__opencl_c_ext_{kind}_{space}_atomic_{what}");
                let told = low >> shift & bit != 0;
                let listed = features.iter().any(|(name, _)| *name == feature);
                // There are no features for what functions of the core do.
                if what != "load_store" || kind == "fp16" {
                    assert_eq!(told, listed, "{feature}");
                }
            }
        }
    }
}

#[test]
fn floating_point_numbers_are_atomic_for_device_and_host_together() {
    let session = session();
    let api = session.api;
    let extensions = session.device_string(CL_DEVICE_EXTENSIONS).unwrap();
    let capabilities: cl_ulong = session.device_info(CL_DEVICE_SVM_CAPABILITIES).unwrap();
    let has = |name: &str| extensions.split(' ').any(|extension| extension == name);
    if !has("cl_ext_float_atomics") || capabilities & CL_DEVICE_SVM_ATOMICS == 0 {
        return;
    }
    // Work-items add until the host is done, so that both are at it at the same time.
    let source = "
kernel void add(global atomic_float *numbers, global atomic_double *wide, global atomic_int *stop,
                int most) {
    int added = 0;
    while (added < most &&
           !atomic_load_explicit(stop, memory_order_acquire, memory_scope_all_svm_devices)) {
        atomic_fetch_add_explicit(numbers, 1.0f, memory_order_relaxed,
                                  memory_scope_all_svm_devices);
        added++;
    }
    atomic_fetch_add(stop + 1, added);
    float id = get_global_id(0) + 0.5f;
    atomic_fetch_max_explicit(numbers + 1, id, memory_order_relaxed, memory_scope_all_svm_devices);
    atomic_fetch_sub(wide, id);
    if (id == 0.5f) atomic_fetch_sub(numbers, 0.25f);
}";
    let kernel = session.kernel(source, "-cl-std=CL3.0", "add").unwrap();
    let flags = CL_MEM_READ_WRITE | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;
    let memory = api.clSVMAlloc(session.context, flags, 128, 64);
    assert!(!memory.is_null());
    let wide = offset(memory, 64);
    let (sum, most) = (atomic(memory, 0), atomic(memory, 1));
    let bits = |number: f32| number.to_bits().cast_signed();
    let number = |bits: i32| f32::from_bits(bits.cast_unsigned());
    sum.store(0, Ordering::SeqCst);
    most.store(bits(f32::NAN), Ordering::SeqCst);
    write(wide, 0, 0.0_f64);
    let (stop, by_device) = (atomic(memory, 24), atomic(memory, 25));
    stop.store(0, Ordering::SeqCst);
    by_device.store(0, Ordering::SeqCst);
    let (items, additions) = (64_i32, 30_000_i32);
    let arguments = [memory, wide, offset(memory, 96)];
    for (index, argument) in (0..).zip(arguments) {
        let code = api.clSetKernelArgSVMPointer(kernel, index, argument);
        assert_eq!(code, CL_SUCCESS);
    }
    assert_eq!(session.set_arg(kernel, 3, &additions), CL_SUCCESS);
    let launched = session.launch(kernel, &[items as usize], Some(&[16]));
    assert_eq!(launched, CL_SUCCESS);
    assert_eq!(api.clFlush(session.queue), CL_SUCCESS);
    while number(sum.load(Ordering::SeqCst)) < 1.0 {
        std::thread::yield_now();
    }
    // Everything stays exact: below 2^22 a float has room for quarters.
    let by_host = 200_000;
    for _ in 0..by_host {
        let plus_one = |old| Some(bits(number(old) + 1.0));
        let added = sum.fetch_update(Ordering::SeqCst, Ordering::SeqCst, plus_one);
        assert!(added.is_ok());
    }
    stop.store(1, Ordering::SeqCst);
    assert_eq!(api.clFinish(session.queue), CL_SUCCESS);
    let by_device = by_device.load(Ordering::SeqCst);
    assert!(by_device > 0);
    let expected = (by_device + by_host) as f32 - 0.25;
    assert_eq!(number(sum.load(Ordering::SeqCst)), expected);
    let most = number(most.load(Ordering::SeqCst));
    assert_eq!(most, items as f32 - 0.5, "the NaN is gone");
    let ids = f64::from(items) * f64::from(items) / 2.0;
    assert_eq!(read::<f64>(wide, 0), -ids);
    api.clSVMFree(session.context, memory);
    assert_eq!(api.clReleaseKernel(kernel), CL_SUCCESS);
}
