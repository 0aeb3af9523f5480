//! Sub-groups of kernels (`clGetKernelSubGroupInfo`, §5.9.4): neighbours by linear local id, as many
//! as the kernel runs at once.
#![allow(unsafe_code)]

use std::ffi::c_void;

use isocl_runtime::device::Device;
use isocl_runtime::kernel::{Kernel, WorkGroupInfo};
use isocl_runtime::Result;

use crate::abi::{
    cl_device_id, cl_int, cl_kernel, cl_kernel_sub_group_info, CL_KERNEL_COMPILE_NUM_SUB_GROUPS,
    CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT, CL_KERNEL_MAX_NUM_SUB_GROUPS,
    CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE,
};
use crate::boundary::{entry, ReportTo};
use crate::decode::{invalid_value, List};
use crate::info::{unknown_name, Answered, InfoWriter};
use crate::object::Object;

const MAX_DIMENSIONS: usize = 3;

/// The kernel, the device and the question of a query.
struct Query<'a> {
    kernel: cl_kernel,
    device: cl_device_id,
    name: cl_kernel_sub_group_info,
    input_size: usize,
    input: List<'a, usize>,
    info: InfoWriter<'a>,
}

impl Query<'_> {
    fn answer(self) -> Result<()> {
        let kernel = Kernel::registry().get(self.kernel)?;
        let device = match self.device.is_null() {
            true => None,
            false => Some(Device::registry().get(self.device)?),
        };
        let work_group = kernel.work_group_info(device.as_deref())?;
        let answered = self.answer_for(&work_group).report_to(kernel.context());
        answered.map(|_| ())
    }

    fn answer_for(self, work_group: &WorkGroupInfo) -> Result<Answered> {
        match self.name {
            CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE => {
                let items = product(self.input(MAX_DIMENSIONS)?);
                self.info.value(items.min(work_group.sub_group_size))
            }
            CL_KERNEL_SUB_GROUP_COUNT_FOR_NDRANGE => {
                let items = product(self.input(MAX_DIMENSIONS)?);
                self.info.value(items.div_ceil(work_group.sub_group_size))
            }
            CL_KERNEL_LOCAL_SIZE_FOR_SUB_GROUP_COUNT => {
                let count = self.input(1)?.into_iter().next().unwrap_or_default();
                // As many dimensions as there is room for; all of them when only the size is asked
                // for.
                let (size, place) = self.info.size_and_value();
                let dimensions = match place.is_null() {
                    true => MAX_DIMENSIONS,
                    false => (size / size_of::<usize>()).clamp(1, MAX_DIMENSIONS),
                };
                let local_size = local_size(count, work_group);
                self.info.list(local_size.into_iter().take(dimensions))
            }
            CL_KERNEL_MAX_NUM_SUB_GROUPS => {
                let items = most_work_items(work_group);
                self.info.value(items.div_ceil(work_group.sub_group_size))
            }
            // There is no way to ask for a number of sub-groups in OpenCL C.
            CL_KERNEL_COMPILE_NUM_SUB_GROUPS => self.info.value(0_usize),
            _ => unknown_name(self.name),
        }
    }

    /// The input of a query that takes up to `most` numbers.
    fn input(&self, most: usize) -> Result<Vec<usize>> {
        // CL_INVALID_VALUE: the size in bytes specified by input_value_size is not valid or
        // input_value is NULL.
        let count = self.input_size / size_of::<usize>();
        if !self.input_size.is_multiple_of(size_of::<usize>()) || !(1..=most).contains(&count) {
            return Err(invalid_value("input_value_size is not that of the input"));
        }
        self.input.required("input_value is NULL")
    }
}

/// The most work-items that a work-group of the kernel can have.
fn most_work_items(work_group: &WorkGroupInfo) -> usize {
    match work_group.compile_work_group_size {
        [0, 0, 0] => work_group.work_group_size,
        required => product(required),
    }
}

/// The work-group in one dimension that has `count` sub-groups, all of them full if there may be so
/// many work-items; zeros when there is none.
fn local_size(count: usize, work_group: &WorkGroupInfo) -> [usize; MAX_DIMENSIONS] {
    let most = most_work_items(work_group);
    let size = match work_group.compile_work_group_size {
        [0, 0, 0] => [
            count.saturating_mul(work_group.sub_group_size).min(most),
            1,
            1,
        ],
        required => required,
    };
    let has_so_many = product(size).div_ceil(work_group.sub_group_size) == count;
    if count > 0 && has_so_many && size[1..] == [1, 1] {
        size
    } else {
        [0; MAX_DIMENSIONS]
    }
}

/// Work-items in a work-group of this size.
fn product(size: impl IntoIterator<Item = usize>) -> usize {
    size.into_iter().fold(1, usize::saturating_mul)
}

/// Both names of the function.
macro_rules! get_kernel_sub_group_info {
    ($($name:ident)*) => {$(
        pub(crate) unsafe extern "C" fn $name(
            kernel: cl_kernel,
            device: cl_device_id,
            param_name: cl_kernel_sub_group_info,
            input_value_size: usize,
            input_value: *const c_void,
            param_value_size: usize,
            param_value: *mut c_void,
            param_value_size_ret: *mut usize,
        ) -> cl_int {
            // SAFETY: the application's input and places for results, as §5.9.4 describes them.
            let (input, info) = unsafe {
                (
                    List::new(input_value.cast(), input_value_size / size_of::<usize>()),
                    InfoWriter::new(param_value_size, param_value, param_value_size_ret),
                )
            };
            let query = Query {
                kernel,
                device,
                name: param_name,
                input_size: input_value_size,
                input,
                info,
            };
            entry(stringify!($name), || query.answer())
        }
    )*};
}

get_kernel_sub_group_info! { clGetKernelSubGroupInfo clGetKernelSubGroupInfoKHR }
