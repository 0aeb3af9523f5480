//! What all memory objects have in common (§5.5): rules about flags, mappings and destructor
//! callbacks.

use std::sync::Mutex;

use isocl_kernel_iface::Address;

use crate::flags::{MapFlags, MemFlags, MigrationFlags};
use crate::lock::lock;
use crate::{Error, ErrorCode, Result};

/// Flags that say how kernels use an object; at most one.
const KERNEL_ACCESS: MemFlags = MemFlags::READ_WRITE
    .union(MemFlags::WRITE_ONLY)
    .union(MemFlags::READ_ONLY);

/// Flags that say how the host uses an object; at most one.
const HOST_ACCESS: MemFlags = MemFlags::HOST_WRITE_ONLY
    .union(MemFlags::HOST_READ_ONLY)
    .union(MemFlags::HOST_NO_ACCESS);

/// Flags that say where the memory of an object comes from.
const HOST_PTR: MemFlags = MemFlags::USE_HOST_PTR
    .union(MemFlags::ALLOC_HOST_PTR)
    .union(MemFlags::COPY_HOST_PTR);

fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

/// The flags of a new memory object, from the bits of `cl_mem_flags`.
///
/// # Errors
/// `InvalidValue` for unknown bits and for flags that exclude each other.
pub(crate) fn mem_flags(bits: u64) -> Result<MemFlags> {
    // CL_INVALID_VALUE: values specified in flags are not valid as defined in the Memory Flags
    // table.
    let flags = MemFlags::from_bits(bits)
        .ok_or_else(|| invalid_value("flags has bits that mean nothing for a buffer"))?;
    if (flags & KERNEL_ACCESS).bits().count_ones() > 1 {
        return Err(invalid_value(
            "CL_MEM_READ_WRITE, CL_MEM_WRITE_ONLY and CL_MEM_READ_ONLY exclude each other",
        ));
    }
    if (flags & HOST_ACCESS).bits().count_ones() > 1 {
        return Err(invalid_value(
            "CL_MEM_HOST_WRITE_ONLY, CL_MEM_HOST_READ_ONLY and CL_MEM_HOST_NO_ACCESS exclude each other",
        ));
    }
    if flags.contains(MemFlags::USE_HOST_PTR)
        && flags.intersects(MemFlags::ALLOC_HOST_PTR | MemFlags::COPY_HOST_PTR)
    {
        return Err(invalid_value(
            "CL_MEM_USE_HOST_PTR excludes CL_MEM_ALLOC_HOST_PTR and CL_MEM_COPY_HOST_PTR",
        ));
    }
    Ok(flags)
}

/// Whether the bits may be the flags of a memory object.
///
/// # Errors
/// `InvalidValue` for unknown bits and for flags that exclude each other.
pub fn check_mem_flags(bits: u64) -> Result<()> {
    mem_flags(bits).map(|_| ())
}

/// The flags of a sub-buffer of an object with the flags `parent`: those in `bits`, and what it
/// inherits.
///
/// # Errors
/// `InvalidValue` when the flags contradict the parent's.
pub(crate) fn sub_buffer_flags(parent: MemFlags, bits: u64) -> Result<MemFlags> {
    let flags = mem_flags(bits)?;
    // CL_INVALID_VALUE: buffer was created with CL_MEM_WRITE_ONLY and flags specifies
    // CL_MEM_READ_WRITE or CL_MEM_READ_ONLY.
    if parent.contains(MemFlags::WRITE_ONLY)
        && flags.intersects(MemFlags::READ_WRITE | MemFlags::READ_ONLY)
    {
        return Err(invalid_value(
            "a CL_MEM_WRITE_ONLY buffer has only such sub-buffers",
        ));
    }
    // CL_INVALID_VALUE: buffer was created with CL_MEM_READ_ONLY and flags specifies
    // CL_MEM_READ_WRITE or CL_MEM_WRITE_ONLY.
    if parent.contains(MemFlags::READ_ONLY)
        && flags.intersects(MemFlags::READ_WRITE | MemFlags::WRITE_ONLY)
    {
        return Err(invalid_value(
            "a CL_MEM_READ_ONLY buffer has only such sub-buffers",
        ));
    }
    // CL_INVALID_VALUE: buffer was created with one host access and flags specifies another.
    let contradicts = (parent.contains(MemFlags::HOST_WRITE_ONLY)
        && flags.contains(MemFlags::HOST_READ_ONLY))
        || (parent.contains(MemFlags::HOST_READ_ONLY) && flags.contains(MemFlags::HOST_WRITE_ONLY))
        || (parent.contains(MemFlags::HOST_NO_ACCESS)
            && flags.intersects(MemFlags::HOST_READ_ONLY | MemFlags::HOST_WRITE_ONLY));
    if contradicts {
        return Err(invalid_value(
            "flags contradict the host access of the buffer",
        ));
    }
    // CL_INVALID_VALUE: flags specifies CL_MEM_USE_HOST_PTR or CL_MEM_ALLOC_HOST_PTR or
    // CL_MEM_COPY_HOST_PTR.
    if flags.intersects(HOST_PTR) {
        return Err(invalid_value(
            "a sub-buffer takes no host pointer flags, it inherits them",
        ));
    }
    let mut inherited = parent & HOST_PTR;
    if !flags.intersects(KERNEL_ACCESS) {
        inherited |= parent & KERNEL_ACCESS;
    }
    if !flags.intersects(HOST_ACCESS) {
        inherited |= parent & HOST_ACCESS;
    }
    Ok(flags | inherited)
}

/// The flags of a mapping, from the bits of `cl_map_flags`.
///
/// # Errors
/// `InvalidValue` for unknown bits, and for `WRITE_INVALIDATE_REGION` with another flag.
pub(crate) fn map_flags(bits: u64) -> Result<MapFlags> {
    // CL_INVALID_VALUE: values specified in map_flags are not valid.
    let flags = MapFlags::from_bits(bits)
        .ok_or_else(|| invalid_value("map_flags has bits that mean nothing"))?;
    if flags.contains(MapFlags::WRITE_INVALIDATE_REGION)
        && flags.intersects(MapFlags::READ | MapFlags::WRITE)
    {
        return Err(invalid_value(
            "CL_MAP_WRITE_INVALIDATE_REGION excludes CL_MAP_READ and CL_MAP_WRITE",
        ));
    }
    Ok(flags)
}

/// Checks the bits of `cl_mem_migration_flags`.
///
/// # Errors
/// `InvalidValue` for unknown bits.
pub(crate) fn check_migration_flags(bits: u64) -> Result<()> {
    // CL_INVALID_VALUE: flags is not 0 and not any of the values described in the table.
    match MigrationFlags::from_bits(bits) {
        Some(_) => Ok(()),
        None => Err(invalid_value(
            "flags has bits that mean nothing for a migration",
        )),
    }
}

/// Callbacks to call when an object is destroyed.
#[derive(Default)]
pub(crate) struct DestructorCallbacks(Mutex<Vec<Box<dyn FnOnce() + Send>>>);

impl DestructorCallbacks {
    /// Adds a callback.
    pub fn register(&self, callback: Box<dyn FnOnce() + Send>) {
        lock(&self.0).push(callback);
    }

    /// Calls all callbacks, the last one registered first. No lock is held meanwhile.
    pub fn call(&mut self) {
        let callbacks = std::mem::take(&mut *lock(&self.0));
        for callback in callbacks.into_iter().rev() {
            callback();
        }
    }
}

/// A region of a buffer that the application may access (§5.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Which of the objects over the same memory was mapped.
    pub object: usize,
    /// What the application got.
    pub pointer: Address,
    /// First byte, counted from the start of the buffer that is no sub-buffer.
    pub start: usize,
    /// Length in bytes.
    pub len: usize,
    /// For reading or for writing.
    pub flags: MapFlags,
}

impl Mapping {
    /// Whether the application may write.
    pub fn writes(&self) -> bool {
        self.flags
            .intersects(MapFlags::WRITE | MapFlags::WRITE_INVALIDATE_REGION)
    }
}

/// The live mappings of a buffer and of its sub-buffers.
#[derive(Debug, Default)]
pub(crate) struct Mappings(Mutex<Vec<Mapping>>);

impl Mappings {
    /// Adds a mapping.
    ///
    /// # Errors
    /// `InvalidOperation` when it overlaps another and both are for writing.
    pub fn add(&self, mapping: Mapping) -> Result<()> {
        let mut mappings = lock(&self.0);
        // CL_INVALID_OPERATION: mapping would lead to overlapping regions being mapped for
        // writing.
        let overlaps = |other: &Mapping| {
            other.writes()
                && mapping.start < other.start + other.len
                && other.start < mapping.start + mapping.len
        };
        if mapping.writes() && mappings.iter().any(overlaps) {
            return Err(Error::new(
                ErrorCode::InvalidOperation,
                "the region overlaps one that is mapped for writing",
            ));
        }
        mappings.push(mapping);
        Ok(())
    }

    /// Takes away the latest mapping of `object` at `pointer`.
    pub fn remove(&self, object: usize, pointer: Address) -> Option<Mapping> {
        let mut mappings = lock(&self.0);
        let position = mappings
            .iter()
            .rposition(|mapping| mapping.object == object && mapping.pointer == pointer)?;
        Some(mappings.remove(position))
    }

    /// Takes away all mappings of `object`.
    pub fn remove_all(&self, object: usize) {
        lock(&self.0).retain(|mapping| mapping.object != object);
    }

    /// Number of live mappings of `object`.
    pub fn count(&self, object: usize) -> u32 {
        lock(&self.0)
            .iter()
            .filter(|mapping| mapping.object == object)
            .count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_exclude_each_other_are_refused() {
        for bits in [
            3,
            5,
            6,
            1 << 3 | 1 << 4,
            1 << 3 | 1 << 5,
            1 << 7 | 1 << 8,
            1 << 8 | 1 << 9,
        ] {
            assert_eq!(
                mem_flags(bits).unwrap_err().code,
                ErrorCode::InvalidValue,
                "{bits:#x}"
            );
        }
        for unknown in [1 << 6, 1 << 10, 1 << 12, 1 << 63] {
            assert_eq!(
                mem_flags(unknown).unwrap_err().code,
                ErrorCode::InvalidValue
            );
        }
        for bits in [0, 1, 2, 4, 1 << 4 | 1 << 5, 1 << 3 | 4 | 1 << 9] {
            assert_eq!(mem_flags(bits).unwrap().bits(), bits);
        }
    }

    #[test]
    fn sub_buffers_inherit_and_may_only_narrow() {
        let parent = MemFlags::READ_ONLY | MemFlags::USE_HOST_PTR | MemFlags::HOST_READ_ONLY;
        assert_eq!(sub_buffer_flags(parent, 0).unwrap(), parent);
        let narrowed = sub_buffer_flags(parent, MemFlags::HOST_NO_ACCESS.bits()).unwrap();
        assert_eq!(
            narrowed,
            MemFlags::READ_ONLY | MemFlags::USE_HOST_PTR | MemFlags::HOST_NO_ACCESS
        );
        for refused in [
            MemFlags::READ_WRITE,
            MemFlags::WRITE_ONLY,
            MemFlags::HOST_WRITE_ONLY,
            MemFlags::COPY_HOST_PTR,
        ] {
            let error = sub_buffer_flags(parent, refused.bits()).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidValue, "{refused:?}");
        }
        let write_only = MemFlags::WRITE_ONLY | MemFlags::HOST_NO_ACCESS;
        for refused in [
            MemFlags::READ_ONLY,
            MemFlags::READ_WRITE,
            MemFlags::HOST_READ_ONLY,
        ] {
            assert!(
                sub_buffer_flags(write_only, refused.bits()).is_err(),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn map_and_migration_flags_have_their_rules() {
        for bits in [8, 5, 6, 7] {
            assert_eq!(map_flags(bits).unwrap_err().code, ErrorCode::InvalidValue);
        }
        for bits in 0..=4 {
            assert_eq!(map_flags(bits).unwrap().bits(), bits);
        }
        assert!(check_migration_flags(3).is_ok());
        assert_eq!(
            check_migration_flags(4).unwrap_err().code,
            ErrorCode::InvalidValue
        );
    }

    #[test]
    fn only_overlapping_writes_collide() {
        let mappings = Mappings::default();
        let mapping = |object, start, len, flags| Mapping {
            object,
            pointer: Address(0x1000 + start),
            start,
            len,
            flags,
        };
        mappings.add(mapping(1, 0, 64, MapFlags::WRITE)).unwrap();
        mappings.add(mapping(1, 0, 64, MapFlags::READ)).unwrap();
        mappings
            .add(mapping(2, 64, 64, MapFlags::WRITE_INVALIDATE_REGION))
            .unwrap();
        let error = mappings
            .add(mapping(2, 63, 1, MapFlags::WRITE))
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidOperation);
        assert_eq!((mappings.count(1), mappings.count(2)), (2, 1));
        assert_eq!(mappings.remove(2, Address(0x1000)), None);
        assert!(!mappings.remove(1, Address(0x1000)).unwrap().writes());
        assert!(mappings.remove(1, Address(0x1000)).unwrap().writes());
        assert_eq!(mappings.count(1), 0);
    }
}
