//! Contexts (§4.4): the devices that share objects, and the memory they share.

use std::sync::Arc;

use crate::device::Device;
use crate::flags::SvmCapabilities;
use crate::mem_object::DestructorCallbacks;
use crate::svm::SvmHeap;
use crate::{ApiSlot, Error, ErrorCode, Result};

/// What `clCreateContext` registers: called with a sentence about an error.
pub type ContextNotify = Box<dyn Fn(&str) + Send + Sync>;

/// A context (`cl_context`).
pub struct Context {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    devices: Vec<Arc<Device>>,
    verbatim_properties: Vec<u64>,
    notify: Option<ContextNotify>,
    destructor_callbacks: DestructorCallbacks,
    svm_heap: Arc<SvmHeap>,
    limits: SvmLimits,
}

/// The rules about SVM that depend on all devices of a context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SvmLimits {
    /// What at least one device can do.
    pub some: SvmCapabilities,
    /// What every device can do.
    pub every: SvmCapabilities,
    /// Longest allocation that every device takes, in bytes.
    pub max_allocation: u64,
}

impl SvmLimits {
    fn of(devices: &[Arc<Device>]) -> Self {
        let capabilities = || devices.iter().map(|device| device.info.svm_capabilities);
        Self {
            some: capabilities().fold(SvmCapabilities::empty(), |all, one| all | one),
            every: capabilities().fold(SvmCapabilities::all(), |all, one| all & one),
            max_allocation: devices
                .iter()
                .map(|device| device.info.max_mem_alloc_size)
                .min()
                .unwrap_or(0),
        }
    }
}

impl Context {
    /// A context of `devices` (`clCreateContext`), duplicates counting once.
    /// `verbatim_properties` is the property list as the application gave it, empty when it gave
    /// none; `notify` hears of errors that no call returns.
    ///
    /// # Errors
    /// `InvalidValue` when there is no device, `OutOfResources` when the devices have no address
    /// in common.
    pub fn create(
        devices: &[Arc<Device>],
        verbatim_properties: Vec<u64>,
        notify: Option<ContextNotify>,
    ) -> Result<Arc<Self>> {
        // CL_INVALID_VALUE: devices is NULL or num_devices is zero.
        if devices.is_empty() {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "the list of devices is empty",
            ));
        }
        let mut distinct: Vec<Arc<Device>> = Vec::with_capacity(devices.len());
        for device in devices {
            if !distinct.iter().any(|known| Arc::ptr_eq(known, device)) {
                distinct.push(Arc::clone(device));
            }
        }
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            svm_heap: heap_of(&distinct)?,
            limits: SvmLimits::of(&distinct),
            devices: distinct,
            verbatim_properties,
            notify,
            destructor_callbacks: DestructorCallbacks::default(),
        }))
    }

    /// The devices, each once.
    pub fn devices(&self) -> &[Arc<Device>] {
        &self.devices
    }

    /// Whether `device` belongs to this context.
    pub fn has_device(&self, device: &Arc<Device>) -> bool {
        self.devices.iter().any(|known| Arc::ptr_eq(known, device))
    }

    /// The property list given at creation.
    pub fn verbatim_properties(&self) -> &[u64] {
        &self.verbatim_properties
    }

    /// Tells the application's callback of an error. Called outside all locks.
    pub fn report(&self, error: &Error) {
        if let Some(notify) = &self.notify {
            notify(&error.to_string());
        }
    }

    /// Registers `callback` to be called when the context is destroyed
    /// (`clSetContextDestructorCallback`); the last one registered is called first.
    ///
    /// # Errors
    /// None today; `OutOfHostMemory` by specification.
    pub fn set_destructor_callback(&self, callback: Box<dyn FnOnce() + Send>) -> Result<()> {
        self.destructor_callbacks.register(callback);
        Ok(())
    }

    /// Where SVM allocations and buffers of this context live.
    pub fn svm_heap(&self) -> &Arc<SvmHeap> {
        &self.svm_heap
    }

    pub(crate) fn svm_limits(&self) -> &SvmLimits {
        &self.limits
    }
}

/// A heap in the narrowest of the devices' apertures, from which all can use memory.
fn heap_of(devices: &[Arc<Device>]) -> Result<Arc<SvmHeap>> {
    let driver = devices
        .iter()
        .map(|device| device.backend.driver())
        .min_by_key(|driver| driver.plan().capacity())
        .ok_or_else(|| Error::new(ErrorCode::InvalidValue, "the list of devices is empty"))?;
    let plan = driver.plan();
    if devices
        .iter()
        .any(|device| device.backend.driver().plan().intersection(plan) != *plan)
    {
        return Err(Error::new(
            ErrorCode::OutOfResources,
            "no device's memory is within reach of all devices",
        ));
    }
    let max_allocation = devices
        .iter()
        .map(|device| device.info.max_mem_alloc_size)
        .max();
    Ok(SvmHeap::new(
        Arc::clone(driver),
        usize::try_from(max_allocation.unwrap_or(0)).unwrap_or(usize::MAX),
    ))
}

impl Drop for Context {
    fn drop(&mut self) {
        self.destructor_callbacks.call();
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Context")
            .field("devices", &self.devices)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::lock::lock;
    use crate::test_objects::null_device;

    #[test]
    fn devices_count_once_and_none_is_an_error() {
        let error = Context::create(&[], Vec::new(), None).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidValue);
        let device = null_device();
        let context = Context::create(&[Arc::clone(&device), device], vec![1, 2, 0], None).unwrap();
        assert_eq!(context.devices().len(), 1);
        assert_eq!(context.verbatim_properties(), &[1, 2, 0]);
    }

    #[test]
    fn destructor_callbacks_run_last_registered_first() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let context = Context::create(&[null_device()], Vec::new(), None).unwrap();
        for number in 0..3 {
            let order = Arc::clone(&order);
            context
                .set_destructor_callback(Box::new(move || lock(&order).push(number)))
                .unwrap();
        }
        assert!(lock(&order).is_empty());
        drop(context);
        assert_eq!(*lock(&order), [2, 1, 0]);
    }

    #[test]
    fn errors_reach_the_callback() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        let notify: ContextNotify = Box::new(move |text| lock(&listener).push(text.to_owned()));
        let context = Context::create(&[null_device()], Vec::new(), Some(notify)).unwrap();
        context.report(&Error::new(ErrorCode::OutOfResources, "a reason"));
        assert_eq!(*lock(&heard), ["OutOfResources: a reason"]);
    }
}
