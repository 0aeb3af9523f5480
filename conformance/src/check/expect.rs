//! What checks demand of what they see.

use opencl_sys::*;

use super::{Finding, Outcome};

macro_rules! names {
    ($($name:ident)*) => {
        fn name_of(code: cl_int) -> Option<&'static str> {
            match code {
                $($name => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

names! {
    CL_SUCCESS CL_DEVICE_NOT_FOUND CL_DEVICE_NOT_AVAILABLE CL_COMPILER_NOT_AVAILABLE
    CL_MEM_OBJECT_ALLOCATION_FAILURE CL_OUT_OF_RESOURCES CL_OUT_OF_HOST_MEMORY
    CL_PROFILING_INFO_NOT_AVAILABLE CL_MEM_COPY_OVERLAP CL_IMAGE_FORMAT_MISMATCH
    CL_IMAGE_FORMAT_NOT_SUPPORTED CL_BUILD_PROGRAM_FAILURE CL_MAP_FAILURE
    CL_MISALIGNED_SUB_BUFFER_OFFSET CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST
    CL_COMPILE_PROGRAM_FAILURE CL_LINKER_NOT_AVAILABLE CL_LINK_PROGRAM_FAILURE
    CL_DEVICE_PARTITION_FAILED CL_KERNEL_ARG_INFO_NOT_AVAILABLE CL_INVALID_VALUE
    CL_INVALID_DEVICE_TYPE CL_INVALID_PLATFORM CL_INVALID_DEVICE CL_INVALID_CONTEXT
    CL_INVALID_QUEUE_PROPERTIES CL_INVALID_COMMAND_QUEUE CL_INVALID_HOST_PTR
    CL_INVALID_MEM_OBJECT CL_INVALID_IMAGE_FORMAT_DESCRIPTOR CL_INVALID_IMAGE_SIZE
    CL_INVALID_SAMPLER CL_INVALID_BINARY CL_INVALID_BUILD_OPTIONS CL_INVALID_PROGRAM
    CL_INVALID_PROGRAM_EXECUTABLE CL_INVALID_KERNEL_NAME CL_INVALID_KERNEL_DEFINITION
    CL_INVALID_KERNEL CL_INVALID_ARG_INDEX CL_INVALID_ARG_VALUE CL_INVALID_ARG_SIZE
    CL_INVALID_KERNEL_ARGS CL_INVALID_WORK_DIMENSION CL_INVALID_WORK_GROUP_SIZE
    CL_INVALID_WORK_ITEM_SIZE CL_INVALID_GLOBAL_OFFSET CL_INVALID_EVENT_WAIT_LIST
    CL_INVALID_EVENT CL_INVALID_OPERATION CL_INVALID_GL_OBJECT CL_INVALID_BUFFER_SIZE
    CL_INVALID_MIP_LEVEL CL_INVALID_GLOBAL_WORK_SIZE CL_INVALID_PROPERTY
    CL_INVALID_IMAGE_DESCRIPTOR CL_INVALID_COMPILER_OPTIONS CL_INVALID_LINKER_OPTIONS
    CL_INVALID_DEVICE_PARTITION_COUNT CL_INVALID_PIPE_SIZE CL_INVALID_DEVICE_QUEUE
    CL_INVALID_SPEC_ID CL_MAX_SIZE_RESTRICTION_EXCEEDED
}

/// Name and number of an error code.
pub fn code_name(code: cl_int) -> String {
    match name_of(code) {
        Some(name) => format!("{name} ({code})"),
        None => code.to_string(),
    }
}

/// Demands a code of a call.
///
/// # Errors
/// For any other code.
pub fn code(call: &str, expected: cl_int, seen: cl_int) -> Finding {
    one_of(call, &[expected], seen)
}

/// Demands one of several codes of a call.
///
/// # Errors
/// For any other code.
pub fn one_of(call: &str, expected: &[cl_int], seen: cl_int) -> Finding {
    let names: Vec<String> = expected.iter().copied().map(code_name).collect();
    that(expected.contains(&seen), || {
        (
            format!("{call} returns {}", names.join(" or ")),
            code_name(seen),
        )
    })
}

/// Demands that a call succeeds.
///
/// # Errors
/// For any code but `CL_SUCCESS`.
pub fn success(call: &str, seen: cl_int) -> Finding {
    code(call, CL_SUCCESS, seen)
}

/// Demands a value.
///
/// # Errors
/// For any other value.
pub fn equal<T: PartialEq + std::fmt::Debug>(what: &str, expected: T, seen: T) -> Finding {
    that(seen == expected, || {
        (format!("{what} is {expected:?}"), format!("{seen:?}"))
    })
}

/// Demands the elements of a list; tells the first that is another one.
///
/// # Errors
/// For any other list.
pub fn elements<T: PartialEq + std::fmt::Debug>(what: &str, expected: &[T], seen: &[T]) -> Finding {
    equal(&format!("the length of {what}"), expected.len(), seen.len())?;
    let other = (0..seen.len()).find(|index| seen[*index] != expected[*index]);
    other.map_or(Ok(()), |index| {
        let words = format!("element {index} of {what} is {:?}", expected[index]);
        Err(Outcome::fail(words, format!("{:?}", seen[index])))
    })
}

/// Demands that something holds; otherwise `words` tells what is expected and what was seen.
///
/// # Errors
/// When it does not hold.
pub fn that(holds: bool, words: impl FnOnce() -> (String, String)) -> Finding {
    if holds {
        return Ok(());
    }
    let (expected, seen) = words();
    Err(Outcome::fail(expected, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_and_numbers() {
        assert_eq!(code_name(CL_INVALID_VALUE), "CL_INVALID_VALUE (-30)");
        assert_eq!(code_name(-9999), "-9999");
    }

    #[test]
    fn another_code_than_expected_is_a_failure_that_names_both() {
        assert_eq!(success("clFinish", CL_SUCCESS), Ok(()));
        let outcome = one_of("clFlush", &[CL_INVALID_VALUE, CL_INVALID_EVENT], 0).unwrap_err();
        assert_eq!(
            outcome,
            Outcome::fail(
                "clFlush returns CL_INVALID_VALUE (-30) or CL_INVALID_EVENT (-58)",
                "CL_SUCCESS (0)"
            )
        );
    }

    #[test]
    fn another_value_than_expected_is_a_failure() {
        assert_eq!(equal("the sum", 4, 4), Ok(()));
        assert_eq!(
            equal("the sum", 4, 5),
            Err(Outcome::fail("the sum is 4", "5"))
        );
        assert_eq!(elements("it", &[1, 2], &[1, 2]), Ok(()));
        assert_eq!(
            elements("it", &[1, 2, 3], &[1, 4, 5]),
            Err(Outcome::fail("element 1 of it is 2", "4"))
        );
        assert_eq!(
            elements("it", &[1, 2], &[1]),
            Err(Outcome::fail("the length of it is 2", "1"))
        );
    }
}
