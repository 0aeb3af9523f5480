//! What all memory objects have in common (§5.5).
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::null_mut;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::Result;

use crate::abi::{
    cl_int, cl_mem, cl_mem_info, CL_MEM_ASSOCIATED_MEMOBJECT, CL_MEM_CONTEXT, CL_MEM_FLAGS,
    CL_MEM_HOST_PTR, CL_MEM_MAP_COUNT, CL_MEM_OFFSET, CL_MEM_PROPERTIES, CL_MEM_REFERENCE_COUNT,
    CL_MEM_SIZE, CL_MEM_TYPE, CL_MEM_USES_SVM_POINTER,
};
use crate::boundary::entry;
use crate::callback::{self, ObjectFunction};
use crate::decode::invalid_value;
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::{handle_of, Object};
use crate::registry::Held;

pub(crate) unsafe extern "C" fn clRetainMemObject(memobj: cl_mem) -> cl_int {
    entry("clRetainMemObject", || Buffer::registry().retain(memobj))
}

pub(crate) unsafe extern "C" fn clReleaseMemObject(memobj: cl_mem) -> cl_int {
    entry("clReleaseMemObject", || Buffer::registry().release(memobj))
}

pub(crate) unsafe extern "C" fn clGetMemObjectInfo(
    memobj: cl_mem,
    param_name: cl_mem_info,
    param_value_size: usize,
    param_value: *mut c_void,
    param_value_size_ret: *mut usize,
) -> cl_int {
    // SAFETY: the application's places for results, as §5.5.6 describes them.
    let info = unsafe { InfoWriter::new(param_value_size, param_value, param_value_size_ret) };
    entry("clGetMemObjectInfo", || {
        let buffer = Buffer::registry().get(memobj)?;
        answer(&buffer, param_name, info).map(|_| ())
    })
}

fn answer(buffer: &Held<Buffer>, name: cl_mem_info, info: InfoWriter<'_>) -> Result<Answered> {
    match name {
        CL_MEM_TYPE => info.value(buffer.mem_type()),
        CL_MEM_FLAGS => info.value(buffer.flags()),
        CL_MEM_SIZE => info.value(buffer.size()),
        CL_MEM_HOST_PTR => info.value(buffer.host_ptr().get()),
        CL_MEM_MAP_COUNT => info.value(buffer.map_count()),
        CL_MEM_REFERENCE_COUNT => info.value(buffer.references()),
        CL_MEM_CONTEXT => info.value(handle_of(&**buffer.context())),
        CL_MEM_ASSOCIATED_MEMOBJECT => info.value(
            buffer
                .associated()
                .map_or(null_mut::<c_void>(), |parent| handle_of(&**parent)),
        ),
        CL_MEM_OFFSET => info.value(buffer.offset()),
        CL_MEM_USES_SVM_POINTER => info.boolean(buffer.uses_svm_pointer()),
        CL_MEM_PROPERTIES => info.list(buffer.verbatim_properties().iter().copied()),
        _ => unknown_name(name),
    }
}

pub(crate) unsafe extern "C" fn clSetMemObjectDestructorCallback(
    memobj: cl_mem,
    pfn_notify: Option<ObjectFunction>,
    user_data: *mut c_void,
) -> cl_int {
    entry("clSetMemObjectDestructorCallback", || {
        let buffer = Buffer::registry().get(memobj)?;
        // CL_INVALID_VALUE: pfn_notify is NULL.
        let function = pfn_notify.ok_or_else(|| invalid_value("pfn_notify is NULL"))?;
        buffer.set_destructor_callback(callback::destructor_callback(memobj, function, user_data))
    })
}
