//! The hook where a driver with a device of its own is told addresses.

use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Mutex;

use isocl_kernel_iface::drm::{Bind, CpuIsDevice, Drm};

use super::*;

/// What a device was asked, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Attach,
    Bind(NonZeroU32, AddressRange),
    Unbind(NonZeroU32, AddressRange),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Good,
    /// Sees every buffer somewhere else.
    Elsewhere,
    RefusesBinding,
    RefusesUnbinding,
}

/// A device that remembers, and obeys or not.
#[derive(Debug, Clone)]
struct Device {
    behaviour: Behaviour,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Device {
    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn unless(&self, refusing: Behaviour) -> Result<(), Error> {
        if self.behaviour == refusing {
            Err(Error::invalid("obey"))
        } else {
            Ok(())
        }
    }
}

impl Bind for Device {
    fn attach(&self, device: BorrowedFd<'_>) -> Result<(), Error> {
        let link = format!("/proc/self/fd/{}", device.as_raw_fd());
        assert_eq!(std::fs::read_link(link).unwrap(), node());
        self.note(Asked::Attach);
        Ok(())
    }

    fn bind(
        &self,
        _device: BorrowedFd<'_>,
        handle: NonZeroU32,
        range: AddressRange,
    ) -> Result<Address, Error> {
        assert!(is_node_at(range.address()), "mapped before it is bound");
        self.note(Asked::Bind(handle, range));
        self.unless(Behaviour::RefusesBinding)?;
        Ok(match self.behaviour {
            Behaviour::Elsewhere => Address(range.end()),
            _ => range.address(),
        })
    }

    fn unbind(
        &self,
        _device: BorrowedFd<'_>,
        handle: NonZeroU32,
        range: AddressRange,
    ) -> Result<(), Error> {
        assert!(is_node_at(range.address()), "unbound before it is unmapped");
        self.note(Asked::Unbind(handle, range));
        self.unless(Behaviour::RefusesUnbinding)
    }
}

/// A driver for this node whose device behaves so; none for `isocl.ko`, which is no DRM driver.
fn open_with(behaviour: Behaviour) -> Option<(Arc<dyn Driver>, Device)> {
    let device = Device {
        behaviour,
        asked: Arc::default(),
    };
    let opened = Drm::open(&node(), &narrow(), Box::new(device.clone()));
    if is_isocl() {
        assert_eq!(opened.unwrap_err().errno, libc::ENOTTY);
        assert!(device.asked().is_empty());
        return None;
    }
    assert_eq!(device.asked(), [Asked::Attach]);
    Some((Arc::new(opened.unwrap()), device))
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_device_is_told_every_buffer_and_its_end() {
    let Some((driver, device)) = open_with(Behaviour::Good) else {
        return;
    };
    let slab = map(&driver, SLAB_GRANULE);
    let range = slab.range();
    let [Asked::Bind(handle, bound)] = device.asked()[..] else {
        panic!("one binding");
    };
    assert_eq!(bound, range);
    drop(slab);
    assert_eq!(device.asked(), [Asked::Unbind(handle, range)]);
    assert!(in_child(|| {
        drop(map(&driver, SLAB_GRANULE));
        assert_eq!(device.asked()[0], Asked::Attach);
    }));
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_device_that_sees_a_buffer_elsewhere_is_refused() {
    alone(|| {
        let Some((driver, device)) = open_with(Behaviour::Elsewhere) else {
            return;
        };
        let error = try_map(&driver, SLAB_GRANULE, SLAB_GRANULE).unwrap_err();
        assert_eq!(error.errno, libc::EADDRNOTAVAIL);
        let [Asked::Bind(bound, range), Asked::Unbind(unbound, _)] = device.asked()[..] else {
            panic!("bound, and taken back");
        };
        assert_eq!(bound, unbound);
        assert!(!is_node_at(range.address()));
    });
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_buffer_that_cannot_be_bound_is_given_back() {
    alone(|| {
        let Some((driver, device)) = open_with(Behaviour::RefusesBinding) else {
            return;
        };
        for _ in 0..3 {
            assert!(try_map(&driver, SLAB_GRANULE, SLAB_GRANULE).is_err());
            let [Asked::Bind(handle, range)] = device.asked()[..] else {
                panic!("one binding");
            };
            assert_eq!(handle.get(), 1, "the last one's handle is free again");
            assert!(!is_node_at(range.address()));
        }
    });
}

#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn memory_that_a_device_does_not_let_go_is_not_used_again() {
    let Some((driver, _device)) = open_with(Behaviour::RefusesUnbinding) else {
        return;
    };
    let first = map(&driver, SLAB_GRANULE);
    let range = first.range();
    set_word(range.address(), 5);
    drop(first);
    assert!(is_node_at(range.address()));
    assert_eq!(word(range.address()), 5);
    let second = map(&driver, SLAB_GRANULE);
    assert!(!second.range().overlaps(&range));
}

/// A render node is a DRM driver's too, but gives no dumb buffers.
#[test]
#[ignore = "needs a kernel driver: ISOCL_TEST_DEVICE=node"]
fn a_drm_node_without_dumb_buffers_is_refused_with_a_reason() {
    if is_isocl() {
        return;
    }
    let node = PathBuf::from("/dev/dri/renderD128");
    let error = Drm::open(&node, &narrow(), Box::new(CpuIsDevice)).unwrap_err();
    assert!(error.to_string().contains("dumb buffer"), "{error}");
    let opened = choice::open(&Choice::Node(node), &Profile::default());
    assert_eq!(opened.driver.name(), "emulator");
    let note = opened.note.unwrap();
    assert!(
        note.contains("renderD128") && note.contains("dumb buffer"),
        "{note}"
    );
}
