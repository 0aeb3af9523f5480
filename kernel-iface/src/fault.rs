//! A driver that fails when told to, to prove that every caller survives it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use crate::address::AddressRange;
use crate::aperture::AddressPlan;
use crate::driver::{Driver, PlacedMemory, Placement, SlabRequest};
use crate::engine::Engine;
use crate::{Address, Error, Result};

/// How a chosen operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It reports that memory ran out.
    OutOfMemory,
    /// It places memory, but the device sees it elsewhere. Other operations run out of memory.
    WrongDeviceAddress,
}

/// Passes every operation on to another driver, except the ones that are to fail.
#[derive(Debug)]
pub struct FaultyDriver {
    inner: Arc<dyn Driver>,
    fault: Fault,
    /// Operations left before the first failure; 0 means that the next one fails.
    remaining: AtomicUsize,
    failed: AtomicUsize,
    /// Memory that is placed now.
    placed: AtomicUsize,
}

impl FaultyDriver {
    /// A driver whose `n`-th operation (from 0) and all later ones fail until
    /// [`Self::recover`].
    pub fn failing_from(inner: Arc<dyn Driver>, fault: Fault, n: usize) -> Self {
        Self {
            inner,
            fault,
            remaining: AtomicUsize::new(n),
            failed: AtomicUsize::new(0),
            placed: AtomicUsize::new(0),
        }
    }

    /// No operation fails from now on.
    pub fn recover(&self) {
        self.remaining.store(usize::MAX, Ordering::Relaxed);
    }

    /// Operations that failed so far.
    pub fn failures(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }

    /// Slabs that were placed and not withdrawn.
    pub fn placed(&self) -> usize {
        self.placed.load(Ordering::Relaxed)
    }

    fn next_fails(&self) -> bool {
        let passes = |left: usize| left.checked_sub(1);
        let fails = self
            .remaining
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, passes)
            .is_err();
        if fails {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        fails
    }

    fn refuse(&self, operation: &'static str) -> Result<()> {
        if self.next_fails() {
            Err(Error::no_memory(operation))
        } else {
            Ok(())
        }
    }
}

impl Driver for FaultyDriver {
    fn name(&self) -> &str {
        "faulty"
    }

    fn plan(&self) -> &AddressPlan {
        self.inner.plan()
    }

    fn placement(&self) -> Placement {
        self.inner.placement()
    }

    fn place(&self, request: SlabRequest) -> Result<PlacedMemory> {
        let fails = self.next_fails();
        if fails && self.fault == Fault::OutOfMemory {
            return Err(Error::no_memory("injected: place"));
        }
        let mut memory = self.inner.place(request)?;
        self.placed.fetch_add(1, Ordering::Relaxed);
        if fails {
            memory.device_address = Address(memory.device_address.get() ^ (1 << 30));
        }
        Ok(memory)
    }

    fn withdraw(&self, memory: PlacedMemory) -> Result<()> {
        self.placed.fetch_sub(1, Ordering::Relaxed);
        let result = self.inner.withdraw(memory);
        self.refuse("injected: withdraw").and(result)
    }

    fn populate(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        self.refuse("injected: populate")?;
        self.inner.populate(memory, part)
    }

    fn discard(&self, memory: &PlacedMemory, part: AddressRange) -> Result<()> {
        self.refuse("injected: discard")?;
        self.inner.discard(memory, part)
    }

    fn engine(&self) -> Option<&dyn Engine> {
        self.inner.engine()
    }

    fn reaches_process(&self) -> bool {
        self.inner.reaches_process()
    }

    fn survives_fork(&self) -> bool {
        self.inner.survives_fork()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Slab;
    use crate::emulator::Emulator;
    use crate::profile::Profile;
    use crate::SLAB_GRANULE;

    const REQUEST: SlabRequest = SlabRequest {
        len: SLAB_GRANULE,
        alignment: SLAB_GRANULE,
        huge_pages: false,
    };

    fn faulty(fault: Fault, n: usize) -> (Arc<FaultyDriver>, Arc<dyn Driver>) {
        let emulator = Arc::new(Emulator::new(&Profile::default()));
        let driver = Arc::new(FaultyDriver::failing_from(emulator, fault, n));
        (Arc::clone(&driver), driver)
    }

    #[test]
    fn slab_the_device_sees_elsewhere_is_refused_and_given_back() {
        let (faults, driver) = faulty(Fault::WrongDeviceAddress, 0);
        let error = Slab::map(&driver, REQUEST).unwrap_err();
        assert_eq!(
            error.operation,
            "check that CPU and device address are equal"
        );
        assert_eq!(faults.placed(), 0);
    }

    #[test]
    fn every_operation_can_fail_without_loss() {
        for n in 0..5 {
            let (faults, driver) = faulty(Fault::OutOfMemory, n);
            let outcome = Slab::map(&driver, REQUEST).and_then(|slab| {
                slab.populate(slab.range())?;
                slab.discard(slab.range())
            });
            assert_eq!(outcome.is_err(), n < 3, "operation {n}");
            assert_eq!(faults.placed(), 0);
            faults.recover();
            assert!(Slab::map(&driver, REQUEST).is_ok());
        }
    }
}
