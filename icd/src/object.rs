//! The types of objects that have handles, their registries, and who holds whom.

use std::ffi::c_void;
use std::sync::Arc;

use isocl_runtime::buffer::Buffer;
use isocl_runtime::context::Context;
use isocl_runtime::device::Device;
use isocl_runtime::kernel::Kernel;
use isocl_runtime::program::Program;
use isocl_runtime::{ApiSlot, CommandQueue, Error, ErrorCode, Event};

use crate::registry::{Held, Registry};

/// A type of objects with handles.
pub(crate) trait Object: Send + Sync + Sized + 'static {
    /// What the application gets for a handle that is none of this type.
    const INVALID: ErrorCode;
    /// The sentence that goes with it.
    const INVALID_REASON: &'static str;

    /// Where the object remembers its handle.
    fn api_slot(&self) -> &ApiSlot;

    /// All handles of this type.
    fn registry() -> &'static Registry<Self>;

    /// What has to stay usable as long as the application can reach this object.
    fn parent(&self) -> Parent;

    /// The error for an invalid handle.
    fn invalid() -> Error {
        Error::new(Self::INVALID, Self::INVALID_REASON)
    }
}

/// What an object's queries lead to, kept usable.
#[allow(dead_code)] // Held for its effect.
pub(crate) enum Parent {
    /// The context of the object.
    Context(Option<Held<Context>>),
    /// The queue of an event.
    CommandQueue(Option<Held<CommandQueue>>),
    /// The program of a kernel.
    Program(Option<Held<Program>>),
    /// The buffer of a sub-buffer.
    Buffer(Option<Held<Buffer>>),
    /// The devices of a context, the device of a sub-device.
    Devices(Vec<Held<Device>>),
}

/// The handle of an object that the application can reach, null for one that never had any.
pub(crate) fn handle_of<T: Object>(object: &T) -> *mut c_void {
    object.api_slot().handle().unwrap_or(0) as *mut c_void
}

/// Keeps an object usable that has a handle.
pub(crate) fn hold<T: Object>(object: &Arc<T>) -> Option<Held<T>> {
    T::registry().find(handle_of(&**object))
}

impl Object for Device {
    const INVALID: ErrorCode = ErrorCode::InvalidDevice;
    const INVALID_REASON: &'static str = "the handle is not that of a device";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static DEVICES: Registry<Device> = Registry::new();
        &DEVICES
    }

    fn parent(&self) -> Parent {
        let parent = self.partition.as_ref().map(|partition| &partition.parent);
        Parent::Devices(parent.into_iter().filter_map(hold).collect())
    }
}

impl Object for Context {
    const INVALID: ErrorCode = ErrorCode::InvalidContext;
    const INVALID_REASON: &'static str = "the handle is not that of a context";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static CONTEXTS: Registry<Context> = Registry::new();
        &CONTEXTS
    }

    fn parent(&self) -> Parent {
        Parent::Devices(self.devices().iter().filter_map(hold).collect())
    }
}

impl Object for CommandQueue {
    const INVALID: ErrorCode = ErrorCode::InvalidCommandQueue;
    const INVALID_REASON: &'static str = "the handle is not that of a command-queue";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static COMMAND_QUEUES: Registry<CommandQueue> = Registry::new();
        &COMMAND_QUEUES
    }

    fn parent(&self) -> Parent {
        Parent::Context(hold(self.context()))
    }
}

impl Object for Buffer {
    const INVALID: ErrorCode = ErrorCode::InvalidMemObject;
    const INVALID_REASON: &'static str = "the handle is not that of a buffer";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static BUFFERS: Registry<Buffer> = Registry::new();
        &BUFFERS
    }

    fn parent(&self) -> Parent {
        match self.associated() {
            Some(buffer) => Parent::Buffer(hold(buffer)),
            None => Parent::Context(hold(self.context())),
        }
    }
}

impl Object for Program {
    const INVALID: ErrorCode = ErrorCode::InvalidProgram;
    const INVALID_REASON: &'static str = "the handle is not that of a program";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static PROGRAMS: Registry<Program> = Registry::new();
        &PROGRAMS
    }

    fn parent(&self) -> Parent {
        Parent::Context(hold(self.context()))
    }
}

impl Object for Kernel {
    const INVALID: ErrorCode = ErrorCode::InvalidKernel;
    const INVALID_REASON: &'static str = "the handle is not that of a kernel";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static KERNELS: Registry<Kernel> = Registry::new();
        &KERNELS
    }

    fn parent(&self) -> Parent {
        Parent::Program(hold(self.program()))
    }
}

impl Object for Event {
    const INVALID: ErrorCode = ErrorCode::InvalidEvent;
    const INVALID_REASON: &'static str = "the handle is not that of an event";

    fn api_slot(&self) -> &ApiSlot {
        &self.api_slot
    }

    fn registry() -> &'static Registry<Self> {
        static EVENTS: Registry<Event> = Registry::new();
        &EVENTS
    }

    fn parent(&self) -> Parent {
        match self.queue() {
            Some(queue) => Parent::CommandQueue(hold(queue)),
            None => Parent::Context(hold(self.context())),
        }
    }
}
