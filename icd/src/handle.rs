//! What a handle points to (`cl_khr_icd`): the two words that a loader reads before we are called.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::cl_icd_dispatch;
use crate::dispatch::DISPATCH;

/// The start of everything a handle points to. It is never freed, so that a loader that reads the
/// first word of a stale handle still finds the way to us.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    dispatch: &'static cl_icd_dispatch,
    dispatch_data: AtomicPtr<c_void>,
}

impl Header {
    /// A header of this driver, without dispatch data.
    pub const fn new() -> Self {
        Self {
            dispatch: &DISPATCH,
            dispatch_data: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Gives the header of a new object the dispatch data that the platform has now.
    pub fn take_dispatch_data(&self) {
        let data = PLATFORM.dispatch_data.load(Ordering::Relaxed);
        self.dispatch_data.store(data, Ordering::Relaxed);
    }

    /// Sets the word that belongs to the loader.
    pub fn set_dispatch_data(&self, data: *mut c_void) {
        self.dispatch_data.store(data, Ordering::Relaxed);
    }

    /// The handle of what begins with this header.
    pub fn handle(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

/// The header of the only platform.
pub(crate) static PLATFORM: Header = Header::new();
