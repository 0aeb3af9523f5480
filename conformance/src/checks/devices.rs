//! Several devices that share memory (§4.2, §4.3, §5.6.1).

use std::ffi::c_void;
use std::ptr::{from_ref, null, null_mut};

use opencl_sys::*;

use crate::check::{expect, Check, Environment, Finding, Group, Need, Outcome};
use crate::session::devices;

/// What sub-devices need.
const SUB_DEVICES: &[Need] = &[Need::CoarseGrainBuffer, Need::SubDevices];
/// What kernels on them need.
const KERNELS: &[Need] = &[Need::CoarseGrainBuffer, Need::SubDevices, Need::Compiler];

/// The group.
pub const GROUP: Group = Group {
    name: "devices",
    about: "several devices that share memory",
    checks: &[
        Check::new(
            "devices/capabilities-of-sub-devices",
            "4.2",
            "A sub-device has the SVM capabilities of its device.",
            capabilities_of_sub_devices,
        )
        .needs(SUB_DEVICES),
        Check::new(
            "devices/sub-devices",
            "5.6.1",
            "Every sub-device of a context writes to the same allocation.",
            |environment| parts(environment, &environment.sub_devices(1)?),
        )
        .needs(SUB_DEVICES),
        Check::new(
            "devices/device-and-sub-devices",
            "4.3",
            "A device and its sub-devices in one context write to the same allocation.",
            |environment| parts(environment, &with_device(environment)?),
        )
        .needs(SUB_DEVICES),
        Check::new(
            "devices/chain",
            "5.6.1",
            "A command on one sub-device sees what another one wrote that it waits for.",
            chain,
        )
        .needs(SUB_DEVICES),
        Check::new(
            "devices/addresses",
            "3.3.5",
            "Kernels on all sub-devices see the address that the host sees.",
            addresses,
        )
        .needs(KERNELS),
        Check::new(
            "devices/list",
            "3.3.5",
            "A kernel on one sub-device follows the pointers that a kernel on another one stored.",
            list,
        )
        .needs(KERNELS),
        Check::new(
            "devices/two-devices",
            "5.6.1",
            "Two devices of a context write to the same allocation.",
            two_devices,
        )
        .needs(&[Need::CoarseGrainBuffer, Need::TwoDevices]),
    ],
};

fn capabilities_of_sub_devices(environment: &Environment) -> Finding {
    for device in environment.sub_devices(1)? {
        let mut found: cl_device_svm_capabilities = 0;
        let (size, place) = (size_of_val(&found), (&raw mut found).cast());
        let name = CL_DEVICE_SVM_CAPABILITIES;
        let code = environment
            .api
            .clGetDeviceInfo(device, name, size, place, null_mut());
        expect::success("clGetDeviceInfo", code)?;
        let expected = environment.svm_capabilities();
        expect::equal("the capabilities of a sub-device", expected, found)?;
    }
    Ok(())
}

fn with_device(environment: &Environment) -> Result<Vec<cl_device_id>, Outcome> {
    let mut all = environment.sub_devices(1)?;
    all.push(environment.device);
    Ok(all)
}

/// A context of several devices with a queue for each, and memory.
struct Shared<'a> {
    environment: &'a Environment,
    context: cl_context,
    queues: Vec<cl_command_queue>,
    pointer: *mut c_void,
}

/// Numbers for each device.
const EACH: usize = 256;

impl<'a> Shared<'a> {
    fn new(environment: &'a Environment, devices: &[cl_device_id]) -> Result<Self, Outcome> {
        let context = environment.context_of(devices)?;
        let (mut queues, mut code) = (Vec::new(), CL_SUCCESS);
        for device in devices {
            let queue = environment.api.clCreateCommandQueueWithProperties(
                context,
                *device,
                null(),
                &mut code,
            );
            expect::success("clCreateCommandQueueWithProperties", code)?;
            environment.keep_queue(queue);
            queues.push(queue);
        }
        let size = devices.len() * EACH * 4;
        let pointer = environment.try_svm_of(context, CL_MEM_READ_WRITE, size, 0);
        expect::that(!pointer.is_null(), || {
            (format!("clSVMAlloc gives {size} bytes"), "NULL".into())
        })?;
        Ok(Self {
            environment,
            context,
            queues,
            pointer,
        })
    }

    /// Builds a program for all devices, and makes a kernel.
    fn kernel(&self, source: &str, name: &std::ffi::CStr) -> Result<cl_kernel, Outcome> {
        let (api, mut code) = (self.environment.api, CL_SUCCESS);
        let (text, length) = (source.as_ptr().cast(), source.len());
        let program = api.clCreateProgramWithSource(self.context, 1, &text, &length, &mut code);
        expect::success("clCreateProgramWithSource", code)?;
        let options = c"-cl-std=CL2.0";
        let options = if self.environment.version()? >= (3, 0) {
            c"-cl-std=CL3.0"
        } else {
            options
        };
        let built = api.clBuildProgram(program, 0, null(), options.as_ptr(), None, null_mut());
        let kernel = api.clCreateKernel(program, name.as_ptr(), &mut code);
        api.clReleaseProgram(program);
        expect::success("clBuildProgram", built)?;
        expect::success("clCreateKernel", code)?;
        self.environment.keep_kernel(kernel);
        Ok(kernel)
    }

    /// Runs a kernel on the device of this number.
    fn run(&self, number: usize, kernel: cl_kernel, pointers: &[*mut c_void]) -> Finding {
        self.environment.svm_arguments(kernel, pointers)?;
        let queue = self.queues[number];
        self.environment.enqueue(queue, kernel, 1, &[])?;
        expect::success("clFinish", self.environment.api.clFinish(queue))
    }

    /// Reads the beginning of some memory, on the first device.
    fn load<T: Copy + Default>(
        &self,
        pointer: *mut c_void,
        count: usize,
    ) -> Result<Vec<T>, Outcome> {
        let mut found = vec![T::default(); count];
        let code = self.environment.api.clEnqueueSVMMemcpy(
            self.queues[0],
            CL_TRUE,
            found.as_mut_ptr().cast(),
            pointer,
            count * size_of::<T>(),
            0,
            null(),
            null_mut(),
        );
        expect::success("clEnqueueSVMMemcpy", code)?;
        Ok(found)
    }
}

/// Has each device fill its part of one allocation.
fn parts(environment: &Environment, devices: &[cl_device_id]) -> Finding {
    let shared = Shared::new(environment, devices)?;
    for round in 0..10_u32 {
        for (index, queue) in shared.queues.iter().enumerate() {
            let value = round * 100 + index as u32;
            let code = environment.api.clEnqueueSVMMemFill(
                *queue,
                shared.pointer.wrapping_byte_add(index * EACH * 4),
                from_ref(&value).cast(),
                4,
                EACH * 4,
                0,
                null(),
                null_mut(),
            );
            expect::success("clEnqueueSVMMemFill", code)?;
            expect::success("clFlush", environment.api.clFlush(*queue))?;
        }
        for queue in &shared.queues {
            expect::success("clFinish", environment.api.clFinish(*queue))?;
        }
        let count = devices.len() * EACH;
        let value = |index| round * 100 + (index / EACH) as u32;
        let expected: Vec<u32> = (0..count).map(value).collect();
        let found = shared.load(shared.pointer, count)?;
        expect::elements("the memory", &expected, &found)?;
    }
    Ok(())
}

fn chain(environment: &Environment) -> Finding {
    let devices = environment.sub_devices(1)?;
    let shared = Shared::new(environment, &devices)?;
    let mut last: Option<cl_event> = None;
    for round in 0..20_usize {
        let queue = shared.queues[round % devices.len()];
        let value = round as u32;
        let (count, list) = match &last {
            Some(event) => (1, from_ref(event)),
            None => (0, null()),
        };
        let mut event = null_mut();
        let code = environment.api.clEnqueueSVMMemFill(
            queue,
            shared.pointer,
            from_ref(&value).cast(),
            4,
            EACH * 4,
            count,
            list,
            &mut event,
        );
        expect::success("clEnqueueSVMMemFill", code)?;
        environment.keep_event(event);
        expect::success("clFlush", environment.api.clFlush(queue))?;
        last = Some(event);
    }
    for queue in &shared.queues {
        expect::success("clFinish", environment.api.clFinish(*queue))?;
    }
    let found = shared.load(shared.pointer, EACH)?;
    expect::elements("the memory", &[19_u32; EACH], &found)
}

fn addresses(environment: &Environment) -> Finding {
    let source =
        "kernel void tell_device(global uchar *p, global ulong *seen) { *seen = (ulong)p; }";
    let devices = environment.sub_devices(1)?;
    let shared = Shared::new(environment, &devices)?;
    let kernel = shared.kernel(source, c"tell_device")?;
    let seen = environment.try_svm_of(shared.context, CL_MEM_READ_WRITE, 8, 0);
    for number in 0..devices.len() {
        shared.run(number, kernel, &[shared.pointer, seen])?;
        let found = shared.load::<u64>(seen, 1)?;
        let expected = vec![shared.pointer as usize as u64];
        expect::equal("the address on a sub-device", expected, found)?;
    }
    Ok(())
}

fn list(environment: &Environment) -> Finding {
    let source = "typedef struct node { global struct node *next; ulong value; } node;
        kernel void link_on_device(global node *p, global ulong *sum) {
            for (int i = 0; i < 10; ++i) {
                p[i].next = i < 9 ? &p[i + 1] : 0; p[i].value = i + 1; } }
        kernel void sum_on_device(global node *p, global ulong *sum) {
            for (*sum = 0; p; p = p->next) *sum += p->value; }";
    let devices = environment.sub_devices(1)?;
    let shared = Shared::new(environment, &devices)?;
    let link = shared.kernel(source, c"link_on_device")?;
    let add = shared.kernel(source, c"sum_on_device")?;
    let sum = environment.try_svm_of(shared.context, CL_MEM_READ_WRITE, 8, 0);
    let last = devices.len() - 1;
    for (here, there) in [(0, last), (last, 0)] {
        shared.run(here, link, &[shared.pointer, sum])?;
        shared.run(there, add, &[shared.pointer, sum])?;
        let found = shared.load::<u64>(sum, 1)?;
        expect::equal("the sum of the list", vec![55], found)?;
    }
    Ok(())
}

fn two_devices(environment: &Environment) -> Finding {
    let api = environment.api;
    let mut found = Vec::new();
    for device in devices(api, environment.platform)? {
        let mut capabilities: cl_device_svm_capabilities = 0;
        let (size, place) = (size_of_val(&capabilities), (&raw mut capabilities).cast());
        // A device that does not know the query has none.
        api.clGetDeviceInfo(device, CL_DEVICE_SVM_CAPABILITIES, size, place, null_mut());
        if capabilities & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER != 0 {
            found.push(device);
        }
    }
    if found.len() < 2 {
        let why = "without a second device with shared virtual memory";
        return Err(Outcome::not_applicable(why));
    }
    parts(environment, &found)
}
