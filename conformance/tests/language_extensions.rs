//! What device queries say of extensions of the language, and that it goes with their names and
//! features.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ptr::null_mut;

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
