//! Objects on null devices, for unit tests of the object model.

use std::sync::Arc;

use isocl_kernel_iface::driver::Driver;
use isocl_kernel_iface::emulator::{Emulator, EmulatorOptions};

use crate::context::Context;
use crate::device::{cpu, null, Device, DeviceInfo};
use crate::flags::QueueProperties;
use crate::queue::CommandQueue;

/// A null device that is otherwise like the CPU device.
pub(crate) fn null_device() -> Arc<Device> {
    null_device_with(|_| ())
}

/// A null device whose description `change` has changed.
pub(crate) fn null_device_with(change: impl FnOnce(&mut DeviceInfo)) -> Arc<Device> {
    let mut info = cpu::create().unwrap().info.clone();
    change(&mut info);
    let options = EmulatorOptions::with_address_bits(info.decoded_address_bits);
    let driver: Arc<dyn Driver> = Arc::new(Emulator::new(&options));
    null::create(driver, info)
}

pub(crate) fn context_of(devices: &[Arc<Device>]) -> Arc<Context> {
    Context::create(devices, Vec::new(), None).unwrap()
}

/// An in-order queue on a context's first device.
pub(crate) fn queue_of(context: &Arc<Context>) -> Arc<CommandQueue> {
    let device = &context.devices()[0];
    CommandQueue::create(context, device, QueueProperties::empty(), Vec::new()).unwrap()
}
