//! Function pointers of the application, together with their `user_data`, as Rust closures.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_void, CString};

use isocl_runtime::context::ContextNotify;
use isocl_runtime::event::EventCallback;
use isocl_runtime::program::{BuildNotify, LinkNotify};
use isocl_runtime::svm::SvmFreeFunction;
use isocl_runtime::{Address, Error, Event};

use crate::abi::{cl_command_queue, cl_event, cl_int, cl_program};
use crate::decode::invalid_value;
use crate::registry::Held;

/// `pfn_notify` of `clCreateContext`.
pub(crate) type ContextFunction =
    unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void);
/// `pfn_notify` of `clSetEventCallback`.
pub(crate) type EventFunction = unsafe extern "C" fn(cl_event, cl_int, *mut c_void);
/// `pfn_notify` of functions that pass one handle.
pub(crate) type ObjectFunction = unsafe extern "C" fn(*mut c_void, *mut c_void);
/// `pfn_free_func` of `clEnqueueSVMFree`.
pub(crate) type FreeFunction =
    unsafe extern "C" fn(cl_command_queue, u32, *mut *mut c_void, *mut c_void);

/// `user_func` of `clEnqueueNativeKernel`.
pub(crate) type NativeFunction = unsafe extern "C" fn(*mut c_void);

/// A copy of a native kernel's arguments, aligned as the largest of C's types.
#[derive(Default)]
pub(crate) struct NativeArguments {
    words: Vec<u128>,
    len: usize,
}

impl NativeArguments {
    /// The same bytes.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut words = vec![0; bytes.len().div_ceil(size_of::<u128>())];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks(size_of::<u128>())) {
            let mut whole = [0; size_of::<u128>()];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u128::from_ne_bytes(whole);
        }
        Self {
            words,
            len: bytes.len(),
        }
    }

    /// Puts an address at `offset` bytes; false if there is no room for it.
    pub fn set_address(&mut self, offset: usize, address: Address) -> bool {
        let end = offset.checked_add(size_of::<usize>());
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        for (place, byte) in (offset..).zip(address.get().to_ne_bytes()) {
            let word = &mut self.words[place / size_of::<u128>()];
            let mut bytes = word.to_ne_bytes();
            bytes[place % size_of::<u128>()] = byte;
            *word = u128::from_ne_bytes(bytes);
        }
        true
    }
}

/// A native kernel with its arguments.
pub(crate) fn native_function(
    function: NativeFunction,
    mut arguments: NativeArguments,
) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        let first = if arguments.len == 0 {
            std::ptr::null_mut()
        } else {
            arguments.words.as_mut_ptr().cast()
        };
        // SAFETY: the application's function, called as §5.10 describes: with a copy of what it
        // gave, or null if it gave nothing.
        unsafe { function(first) };
    })
}

/// A pointer that is only ever handed back to the application.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: the pointer is never followed here. The standard lets callbacks come from any thread, so
// an application that registers one allows for it.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// The error for `user_data` without a function.
fn check_user_data<F>(function: Option<&F>, user_data: *mut c_void) -> Result<(), Error> {
    // CL_INVALID_VALUE: pfn_notify is NULL but user_data is not NULL.
    if function.is_none() && !user_data.is_null() {
        return Err(invalid_value("pfn_notify is NULL but user_data is not"));
    }
    Ok(())
}

/// The callback of a context.
///
/// # Errors
/// `InvalidValue` for data without a function.
pub(crate) fn context_notify(
    function: Option<ContextFunction>,
    user_data: *mut c_void,
) -> Result<Option<ContextNotify>, Error> {
    check_user_data(function.as_ref(), user_data)?;
    let user_data = UserData(user_data);
    Ok(function.map(|function| {
        Box::new(move |text: &str| {
            let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
            // SAFETY: the application's function, called as §4.4 describes: the text ends with a
            // zero and lives until it returns; there is no private information.
            unsafe { function(text.as_ptr(), std::ptr::null(), 0, user_data.get()) };
        }) as ContextNotify
    }))
}

/// The callback of an event, which stays usable until it was called.
pub(crate) fn event_callback(
    event: Held<Event>,
    function: EventFunction,
    user_data: *mut c_void,
) -> EventCallback {
    let user_data = UserData(user_data);
    Box::new(move |status| {
        // SAFETY: the application's function, called as §5.11 describes, with a valid event.
        unsafe { function(event.handle(), status, user_data.get()) };
    })
}

/// A callback that gets the handle of an object that is being destroyed: of a memory object or a
/// context.
pub(crate) fn destructor_callback(
    object: *mut c_void,
    function: ObjectFunction,
    user_data: *mut c_void,
) -> Box<dyn FnOnce() + Send> {
    let (object, user_data) = (UserData(object), UserData(user_data));
    Box::new(move || {
        // SAFETY: the application's function, called as §4.4 and §5.5.1 describe; the handle is
        // only a name by then, and our tables refuse it.
        unsafe { function(object.get(), user_data.get()) };
    })
}

/// The callback of a program that is built, which stays usable until it was called.
///
/// # Errors
/// `InvalidValue` for data without a function.
pub(crate) fn build_notify(
    program: cl_program,
    function: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> Result<Option<BuildNotify>, Error> {
    check_user_data(function.as_ref(), user_data)?;
    let (program, user_data) = (UserData(program), UserData(user_data));
    Ok(function.map(|function| {
        Box::new(move || {
            // SAFETY: the application's function, called as §5.8.2 describes, while the call that
            // builds holds the program.
            unsafe { function(program.get(), user_data.get()) };
        }) as BuildNotify
    }))
}

/// The callback of a program that is linked; the program gets its handle before.
///
/// # Errors
/// `InvalidValue` for data without a function.
pub(crate) fn link_notify(
    function: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> Result<Option<LinkNotify>, Error> {
    check_user_data(function.as_ref(), user_data)?;
    let user_data = UserData(user_data);
    Ok(function.map(|function| {
        Box::new(move |program: &_| {
            let handle = crate::api::program::publish_once(program);
            // SAFETY: the application's function, called as §5.8.3 describes, with a program that
            // has its reference.
            unsafe { function(handle, user_data.get()) };
        }) as LinkNotify
    }))
}

/// The function that frees SVM pointers instead of us. The queue stays usable until it was
/// called.
pub(crate) fn svm_free_function(
    queue: Held<isocl_runtime::CommandQueue>,
    function: FreeFunction,
    user_data: *mut c_void,
) -> SvmFreeFunction {
    let user_data = UserData(user_data);
    Box::new(move |_, pointers: &[Address]| {
        let mut pointers: Vec<*mut c_void> = pointers
            .iter()
            .map(|pointer| pointer.get() as *mut c_void)
            .collect();
        let count = pointers.len() as u32;
        // SAFETY: the application's function, called as §5.6.1 describes: the array has `count`
        // elements and lives until it returns.
        unsafe {
            function(
                queue.handle(),
                count,
                pointers.as_mut_ptr(),
                user_data.get(),
            )
        };
    })
}
