//! Buffers and sub-buffers (§5.2). A buffer's address is the same on the host and on the device:
//! its memory comes from the context's heap, or is the application's own where the device can
//! reach it.

use std::sync::Arc;

use isocl_kernel_iface::{access, Address};

use crate::command::{MemoryRange, Operation};
use crate::context::Context;
use crate::device::Device;
use crate::flags::{MapFlags, MemFlags};
use crate::mem_object::{self, DestructorCallbacks, Mapping, Mappings};
use crate::svm::{self, PoolKind, SvmRange};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// Alignment of a buffer's memory in bytes: that of the largest OpenCL type, and a cache line pair.
const ALIGNMENT: usize = 128;

/// A buffer or sub-buffer (`cl_mem`).
pub struct Buffer {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    context: Arc<Context>,
    flags: MemFlags,
    size: usize,
    offset: usize,
    host_ptr: Address,
    address: Address,
    storage: Storage,
    mappings: Mappings,
    destructor_callbacks: DestructorCallbacks,
    verbatim_properties: Vec<u64>,
}

/// Whose memory a buffer uses.
enum Storage {
    /// Its own, from the context's heap.
    Heap { _range: SvmRange },
    /// Its own, as a copy of the application's memory, which no device can reach.
    Shadow { _range: SvmRange },
    /// The application's.
    Application,
    /// Part of an SVM allocation of the context, kept from being recycled.
    Svm { _range: SvmRange },
    /// A region of another buffer's.
    SubBuffer(Arc<Buffer>),
}

impl Buffer {
    /// A buffer of `size` bytes (`clCreateBufferWithProperties`). `flags` has the bits of
    /// `cl_mem_flags`; `verbatim_properties` is the property list as the application gave it.
    ///
    /// # Errors
    /// `InvalidProperty`, `InvalidValue`, `InvalidBufferSize`, `InvalidHostPtr` as §5.2.1 says;
    /// `MemObjectAllocationFailure` when memory runs out.
    pub fn create(
        context: &Arc<Context>,
        flags: u64,
        size: usize,
        host_ptr: Address,
        verbatim_properties: Vec<u64>,
    ) -> Result<Arc<Self>> {
        // CL_INVALID_PROPERTY: a property name in properties is not a supported property name.
        if verbatim_properties.first().is_some_and(|name| *name != 0) {
            return Err(Error::new(
                ErrorCode::InvalidProperty,
                "properties has a name that is not supported",
            ));
        }
        let flags = mem_object::mem_flags(flags)?;
        let wants_host_ptr = flags.intersects(MemFlags::USE_HOST_PTR | MemFlags::COPY_HOST_PTR);
        check_size(context, size)?;
        let shared = if wants_host_ptr {
            // CL_INVALID_BUFFER_SIZE: CL_MEM_USE_HOST_PTR or CL_MEM_COPY_HOST_PTR is set, host_ptr
            // is a pointer returned by clSVMAlloc, and size is greater than the size passed to
            // clSVMAlloc.
            svm::find(context, host_ptr, size).map_err(|_| {
                Error::new(
                    ErrorCode::InvalidBufferSize,
                    "size passes the end of the SVM allocation that host_ptr points to",
                )
            })?
        } else {
            None
        };
        // CL_INVALID_HOST_PTR: host_ptr is NULL and CL_MEM_USE_HOST_PTR or CL_MEM_COPY_HOST_PTR
        // are set in flags, or host_ptr is not NULL and they are not.
        if host_ptr.is_null() == wants_host_ptr {
            return Err(Error::new(
                ErrorCode::InvalidHostPtr,
                "host_ptr is given if and only if CL_MEM_USE_HOST_PTR or CL_MEM_COPY_HOST_PTR is",
            ));
        }
        let uses_host_ptr = flags.contains(MemFlags::USE_HOST_PTR);
        let (address, storage) = match shared.filter(|_| uses_host_ptr) {
            Some(range) => (host_ptr, Storage::Svm { _range: range }),
            None if uses_host_ptr && reaches_application(context) => {
                (host_ptr, Storage::Application)
            }
            None => {
                let heap = context.svm_heap();
                let range = heap.allocate_range(size, ALIGNMENT, PoolKind::CoarseGrain)?;
                let address = range.address();
                if wants_host_ptr {
                    access::copy(address, host_ptr, size);
                }
                let storage = if uses_host_ptr {
                    Storage::Shadow { _range: range }
                } else {
                    Storage::Heap { _range: range }
                };
                (address, storage)
            }
        };
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            context: Arc::clone(context),
            flags,
            size,
            offset: 0,
            host_ptr: if uses_host_ptr {
                host_ptr
            } else {
                Address::NULL
            },
            address,
            storage,
            mappings: Mappings::default(),
            destructor_callbacks: DestructorCallbacks::default(),
            verbatim_properties,
        }))
    }

    /// The region of `size` bytes from `origin` as a buffer (`clCreateSubBuffer`).
    ///
    /// # Errors
    /// `InvalidMemObject`, `InvalidValue`, `InvalidBufferSize`, `MisalignedSubBufferOffset` as
    /// §5.2.1 says.
    pub fn create_sub_buffer(
        self: &Arc<Self>,
        flags: u64,
        origin: usize,
        size: usize,
    ) -> Result<Arc<Self>> {
        // CL_INVALID_MEM_OBJECT: buffer is a sub-buffer object.
        if self.associated().is_some() {
            return Err(Error::new(
                ErrorCode::InvalidMemObject,
                "a sub-buffer has no sub-buffers",
            ));
        }
        let flags = mem_object::sub_buffer_flags(self.flags, flags)?;
        // CL_INVALID_VALUE: the region is out of bounds in buffer.
        if origin.checked_add(size).is_none_or(|end| end > self.size) {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                "the region is out of the buffer's bounds",
            ));
        }
        // CL_INVALID_BUFFER_SIZE: size is zero.
        if size == 0 {
            return Err(Error::new(
                ErrorCode::InvalidBufferSize,
                "the size of the region is zero",
            ));
        }
        // CL_MISALIGNED_SUB_BUFFER_OFFSET: there are no devices in context for which origin is
        // aligned to CL_DEVICE_MEM_BASE_ADDR_ALIGN.
        let mut devices = self.context.devices().iter();
        if !devices.any(|device| is_aligned_for(device, origin)) {
            return Err(misaligned());
        }
        let host_ptr = match self.host_ptr {
            Address::NULL => Address::NULL,
            pointer => pointer.wrapping_add(origin),
        };
        Ok(Arc::new(Self {
            api_slot: ApiSlot::default(),
            context: Arc::clone(&self.context),
            flags,
            size,
            offset: origin,
            host_ptr,
            address: self.address.wrapping_add(origin),
            storage: Storage::SubBuffer(Arc::clone(self)),
            mappings: Mappings::default(),
            destructor_callbacks: DestructorCallbacks::default(),
            verbatim_properties: Vec::new(),
        }))
    }

    /// `CL_MEM_TYPE`: `CL_MEM_OBJECT_BUFFER`
    pub fn mem_type(&self) -> u32 {
        0x10F0
    }

    /// `CL_MEM_FLAGS`: as given at creation; of a sub-buffer with what it inherited.
    pub fn flags(&self) -> u64 {
        self.flags.bits()
    }

    /// `CL_MEM_SIZE` in bytes
    pub fn size(&self) -> usize {
        self.size
    }

    /// `CL_MEM_HOST_PTR`: that of `CL_MEM_USE_HOST_PTR`, otherwise null.
    pub fn host_ptr(&self) -> Address {
        self.host_ptr
    }

    /// `CL_MEM_MAP_COUNT`
    pub fn map_count(&self) -> u32 {
        self.root().mappings.count(self.identity())
    }

    /// `CL_MEM_CONTEXT`
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// `CL_MEM_ASSOCIATED_MEMOBJECT`: the buffer that this is a sub-buffer of.
    pub fn associated(&self) -> Option<&Arc<Buffer>> {
        match &self.storage {
            Storage::SubBuffer(parent) => Some(parent),
            _ => None,
        }
    }

    /// `CL_MEM_OFFSET` in bytes; zero for a buffer that is no sub-buffer.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// `CL_MEM_USES_SVM_POINTER`: whether this, or the buffer that it is a sub-buffer of, was
    /// created with `CL_MEM_USE_HOST_PTR` over SVM.
    pub fn uses_svm_pointer(&self) -> bool {
        matches!(self.root().storage, Storage::Svm { .. })
    }

    /// `CL_MEM_PROPERTIES`: the list given at creation.
    pub fn verbatim_properties(&self) -> &[u64] {
        &self.verbatim_properties
    }

    /// Registers `callback` to be called when the object is destroyed
    /// (`clSetMemObjectDestructorCallback`); the last one registered is called first.
    ///
    /// # Errors
    /// None today; `OutOfHostMemory` by specification.
    pub fn set_destructor_callback(&self, callback: Box<dyn FnOnce() + Send>) -> Result<()> {
        self.destructor_callbacks.register(callback);
        Ok(())
    }

    /// Where the buffer's bytes are, for kernels and commands.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The bytes `offset..offset + len`, which are inside.
    pub(crate) fn range(&self, offset: usize, len: usize) -> MemoryRange {
        let address = self.address.wrapping_add(offset);
        match self.root().storage {
            Storage::Application => MemoryRange::on_host(address, len),
            _ => MemoryRange::on_device(address, len),
        }
    }

    /// Whether both are regions of one buffer, or one of them is that buffer.
    pub(crate) fn shares_memory_with(&self, other: &Self) -> bool {
        self.root().identity() == other.root().identity()
    }

    pub(crate) fn denies_host(&self, access: MemFlags) -> bool {
        self.flags.intersects(access)
    }

    /// Checks the alignment that `device` demands of sub-buffers.
    ///
    /// # Errors
    /// `MisalignedSubBufferOffset` when this is a sub-buffer without it.
    pub(crate) fn check_alignment(&self, device: &Device) -> Result<()> {
        // CL_MISALIGNED_SUB_BUFFER_OFFSET: the offset of the sub-buffer is not aligned to
        // CL_DEVICE_MEM_BASE_ADDR_ALIGN of the device associated with the queue.
        if is_aligned_for(device, self.offset) {
            Ok(())
        } else {
            Err(misaligned())
        }
    }

    /// Maps the bytes `offset..offset + len`, which are inside; returns what the application gets
    /// and what a device has to do before it may use it.
    ///
    /// # Errors
    /// `InvalidOperation` when a mapping for writing overlaps another.
    pub(crate) fn map(
        &self,
        flags: MapFlags,
        offset: usize,
        len: usize,
    ) -> Result<(Address, Operation)> {
        let bytes = self.range(offset, len);
        let shadowed = matches!(self.root().storage, Storage::Shadow { .. });
        let pointer = if shadowed {
            self.host_ptr.wrapping_add(offset)
        } else {
            bytes.address
        };
        self.root().mappings.add(Mapping {
            object: self.identity(),
            pointer,
            start: self.offset + offset,
            len,
            flags,
        })?;
        let operation = if shadowed && !flags.contains(MapFlags::WRITE_INVALIDATE_REGION) {
            Operation::Copy {
                source: bytes,
                destination: MemoryRange::on_host(pointer, len),
            }
        } else {
            Operation::Nothing
        };
        Ok((pointer, operation))
    }

    /// Forgets a mapping whose command failed.
    pub(crate) fn forget_mapping(&self, pointer: Address) {
        let _removed = self.root().mappings.remove(self.identity(), pointer);
    }

    /// Ends the mapping at `pointer`; returns what a device has to do to see what was written.
    ///
    /// # Errors
    /// `InvalidValue` when there is no such mapping.
    pub(crate) fn unmap(&self, pointer: Address) -> Result<Operation> {
        let root = self.root();
        // CL_INVALID_VALUE: mapped_ptr is not a valid pointer returned by clEnqueueMapBuffer for
        // memobj.
        let mapping = root
            .mappings
            .remove(self.identity(), pointer)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidValue,
                    "mapped_ptr is not the pointer of a mapping of this object",
                )
            })?;
        if matches!(root.storage, Storage::Shadow { .. }) && mapping.writes() {
            return Ok(Operation::Copy {
                source: MemoryRange::on_host(pointer, mapping.len),
                destination: root.range(mapping.start, mapping.len),
            });
        }
        Ok(Operation::Nothing)
    }

    fn root(&self) -> &Buffer {
        match &self.storage {
            Storage::SubBuffer(parent) => parent,
            _ => self,
        }
    }

    /// A number that no other living buffer has.
    fn identity(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.destructor_callbacks.call();
        if let Storage::SubBuffer(parent) = &self.storage {
            parent.mappings.remove_all(self.identity());
        }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Buffer")
            .field("flags", &self.flags)
            .field("size", &self.size)
            .field("offset", &self.offset)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn check_size(context: &Context, size: usize) -> Result<()> {
    let invalid = |reason: &'static str| Err(Error::new(ErrorCode::InvalidBufferSize, reason));
    // CL_INVALID_BUFFER_SIZE: size is zero.
    if size == 0 {
        return invalid("size is zero");
    }
    // CL_INVALID_BUFFER_SIZE: size is greater than CL_DEVICE_MAX_MEM_ALLOC_SIZE for all devices.
    let mut devices = context.devices().iter();
    if devices.all(|device| size as u64 > device.info.max_mem_alloc_size) {
        return invalid("size is greater than CL_DEVICE_MAX_MEM_ALLOC_SIZE of every device");
    }
    Ok(())
}

/// Whether every device can use memory of the application in place.
fn reaches_application(context: &Context) -> bool {
    let mut devices = context.devices().iter();
    devices.all(|device| device.backend.driver().reaches_process())
}

fn is_aligned_for(device: &Device, offset: usize) -> bool {
    // The device's value is in bits.
    let alignment = (device.info.mem_base_addr_align as usize / 8).max(1);
    offset.is_multiple_of(alignment)
}

fn misaligned() -> Error {
    Error::new(
        ErrorCode::MisalignedSubBufferOffset,
        "the offset of the sub-buffer is not aligned to CL_DEVICE_MEM_BASE_ADDR_ALIGN",
    )
}

#[cfg(test)]
mod tests;
