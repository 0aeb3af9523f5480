//! The only file that calls the operating system, one thin function per call.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{AddressRange, Error, Result};

pub const EEXIST: i32 = libc::EEXIST;
pub const EINVAL: i32 = libc::EINVAL;
pub const ENOMEM: i32 = libc::ENOMEM;
pub const EADDRNOTAVAIL: i32 = libc::EADDRNOTAVAIL;

/// What a mapping is made of.
#[derive(Debug, Clone, Copy)]
pub enum Pages<'fd> {
    /// Inaccessible address space.
    None,
    /// Zeroed memory of this process; a forked child gets a copy on write.
    Anonymous,
    /// The pages of a file or device, shared with everyone who maps them.
    Shared { file: BorrowedFd<'fd>, offset: i64 },
}

impl Pages<'_> {
    fn protection(self) -> i32 {
        match self {
            Pages::None => libc::PROT_NONE,
            Pages::Anonymous | Pages::Shared { .. } => libc::PROT_READ | libc::PROT_WRITE,
        }
    }

    fn flags(self) -> i32 {
        match self {
            // Reserved space and slabs are larger than what is ever touched of them.
            Pages::None | Pages::Anonymous => {
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE
            }
            Pages::Shared { .. } => libc::MAP_SHARED,
        }
    }

    fn file(self) -> (i32, i64) {
        match self {
            Pages::None | Pages::Anonymous => (-1, 0),
            Pages::Shared { file, offset } => (file.as_raw_fd(), offset),
        }
    }
}

/// A hint about pages of a mapping.
#[derive(Debug, Clone, Copy)]
pub enum Advice {
    /// Use huge pages.
    HugePages,
    /// Make the pages present now.
    Populate,
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn map(
    address: usize,
    len: usize,
    pages: Pages<'_>,
    fixed: i32,
    operation: &'static str,
) -> Result<usize> {
    let (file, offset) = pages.file();
    // SAFETY: without MAP_FIXED, mmap changes no existing mapping; `map_over` is the one caller
    // that passes MAP_FIXED, and its own contract covers what it replaces.
    let result = unsafe {
        libc::mmap(
            address as *mut libc::c_void,
            len,
            pages.protection(),
            pages.flags() | fixed,
            file,
            offset,
        )
    };
    if result == libc::MAP_FAILED {
        return Err(Error {
            operation,
            errno: last_errno(),
        });
    }
    Ok(result as usize)
}

/// Maps `len` bytes wherever the system likes.
pub fn map_anywhere(len: usize, pages: Pages<'_>) -> Result<AddressRange> {
    let start = map(0, len, pages, 0, "map memory anywhere")?;
    Ok(AddressRange::new(start, start + len))
}

/// Maps `range` if nothing is there; `EEXIST` otherwise.
pub fn map_at_free(range: AddressRange, pages: Pages<'_>) -> Result<()> {
    let operation = "map memory at a free address";
    let start = map(
        range.start(),
        range.len(),
        pages,
        libc::MAP_FIXED_NOREPLACE,
        operation,
    )?;
    if start != range.start() {
        // Kernels before 4.17 take the address as a mere hint.
        // SAFETY: the mapping just made, of which nobody else knows.
        unsafe { unmap(AddressRange::new(start, start + range.len())) }?;
        return Err(Error {
            operation,
            errno: EEXIST,
        });
    }
    Ok(())
}

/// Replaces whatever is mapped at `range`.
///
/// # Safety
/// The caller owns all of `range`, and nobody uses what is mapped there now.
pub unsafe fn map_over(range: AddressRange, pages: Pages<'_>) -> Result<()> {
    map(
        range.start(),
        range.len(),
        pages,
        libc::MAP_FIXED,
        "map memory over a reservation",
    )?;
    Ok(())
}

/// Removes the mappings of `range`.
///
/// # Safety
/// The caller owns all of `range`, and nobody uses what is mapped there now.
pub unsafe fn unmap(range: AddressRange) -> Result<()> {
    // SAFETY: passed on to the caller.
    let result = unsafe { libc::munmap(range.start() as *mut libc::c_void, range.len()) };
    if result != 0 {
        return Err(Error {
            operation: "unmap memory",
            errno: last_errno(),
        });
    }
    Ok(())
}

/// Gives a hint about `range`, which changes no byte of it.
pub fn advise(range: AddressRange, advice: Advice) -> Result<()> {
    let advice = match advice {
        Advice::HugePages => libc::MADV_HUGEPAGE,
        Advice::Populate => libc::MADV_POPULATE_WRITE,
    };
    // SAFETY: neither hint changes the contents or the protection of any page.
    let result = unsafe { libc::madvise(range.start() as *mut libc::c_void, range.len(), advice) };
    if result != 0 {
        return Err(Error {
            operation: "advise about memory",
            errno: last_errno(),
        });
    }
    Ok(())
}

/// Drops the contents of `range` and gives its pages back; anonymous memory then reads as zero.
///
/// # Safety
/// The caller owns all of `range`, and nobody needs what it holds.
pub unsafe fn discard(range: AddressRange) -> Result<()> {
    // SAFETY: passed on to the caller.
    let result = unsafe {
        libc::madvise(
            range.start() as *mut libc::c_void,
            range.len(),
            libc::MADV_DONTNEED,
        )
    };
    if result != 0 {
        return Err(Error {
            operation: "discard memory",
            errno: last_errno(),
        });
    }
    Ok(())
}

/// Bytes per page.
pub fn page_size() -> usize {
    static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
    let known = PAGE_SIZE.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: sysconf reads a constant of the system.
    let answer = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let size = usize::try_from(answer).unwrap_or(4096);
    PAGE_SIZE.store(size, Ordering::Relaxed);
    size
}

/// A file of `len` bytes that exists in memory only.
#[cfg(test)]
pub fn memory_file(len: usize) -> Result<std::os::fd::OwnedFd> {
    use std::os::fd::{FromRawFd, OwnedFd};
    // SAFETY: the name is a terminated string.
    let file = unsafe { libc::memfd_create(c"isocl-test".as_ptr(), libc::MFD_CLOEXEC) };
    if file < 0 {
        return Err(Error {
            operation: "create a memory file",
            errno: last_errno(),
        });
    }
    // SAFETY: a descriptor just made, owned by nobody else.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    // SAFETY: changes the length of our own file only.
    let result = unsafe { libc::ftruncate(file.as_raw_fd(), len as i64) };
    if result != 0 {
        return Err(Error {
            operation: "size a memory file",
            errno: last_errno(),
        });
    }
    Ok(file)
}
