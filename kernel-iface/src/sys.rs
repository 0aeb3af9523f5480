//! The only file that calls the operating system, one thin function per call.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::Once;

use crate::{AddressRange, Error, Result};

pub const EEXIST: i32 = libc::EEXIST;
pub const EINVAL: i32 = libc::EINVAL;
pub const ENOMEM: i32 = libc::ENOMEM;
pub const EADDRNOTAVAIL: i32 = libc::EADDRNOTAVAIL;
pub const ENOTTY: i32 = libc::ENOTTY;

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
    /// Use no huge pages.
    SmallPages,
    /// Make the pages present now.
    Populate,
    /// Leave the mapping out of forked children.
    NotInherited,
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
        return Err(Error::of_system(operation, last_errno()));
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
        return Err(Error::of_system(operation, EEXIST));
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
        return Err(Error::of_system("unmap memory", last_errno()));
    }
    Ok(())
}

/// Gives a hint about `range`, which changes no byte of it.
pub fn advise(range: AddressRange, advice: Advice) -> Result<()> {
    let advice = match advice {
        Advice::HugePages => libc::MADV_HUGEPAGE,
        Advice::SmallPages => libc::MADV_NOHUGEPAGE,
        Advice::Populate => libc::MADV_POPULATE_WRITE,
        Advice::NotInherited => libc::MADV_DONTFORK,
    };
    // SAFETY: no hint changes the contents or the protection of any page.
    let result = unsafe { libc::madvise(range.start() as *mut libc::c_void, range.len(), advice) };
    if result != 0 {
        return Err(Error::of_system("advise about memory", last_errno()));
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
        return Err(Error::of_system("discard memory", last_errno()));
    }
    Ok(())
}

/// A structure that a driver takes by `ioctl`.
///
/// # Safety
/// The driver behind `NUMBER` reads and writes a structure of exactly this layout, and every
/// address in it is either none or leads to memory as the driver expects it.
pub unsafe trait DriverCall {
    /// The request's number.
    const NUMBER: u64;
    /// What it does, in words.
    const OPERATION: &'static str;
}

/// Asks the driver of `file`, again if a signal came between.
pub fn call<C: DriverCall>(file: BorrowedFd<'_>, argument: &mut C) -> Result<()> {
    loop {
        // SAFETY: the contract of `DriverCall`; the argument is exclusively ours meanwhile.
        let result = unsafe {
            libc::ioctl(
                file.as_raw_fd(),
                C::NUMBER as libc::Ioctl,
                std::ptr::from_mut(argument),
            )
        };
        if result >= 0 {
            return Ok(());
        }
        let errno = last_errno();
        if errno != libc::EINTR {
            return Err(Error::of_system(C::OPERATION, errno));
        }
    }
}

/// A terminal opened by mistake must not become the process's own.
const DEVICE_FLAGS: i32 = libc::O_RDWR | libc::O_CLOEXEC | libc::O_NOCTTY;

/// Opens a device for reading and writing; no child inherits it over `exec`.
pub fn open_device(path: &Path) -> Result<OwnedFd> {
    let operation = "open a device";
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::invalid(operation))?;
    // SAFETY: the path is a terminated string.
    let file = unsafe { libc::open(path.as_ptr(), DEVICE_FLAGS) };
    if file < 0 {
        return Err(Error::of_system(operation, last_errno()));
    }
    // SAFETY: a descriptor just made, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(file) })
}

/// Lets `descriptor` stand for `file` and no longer for what it stood for.
pub fn replace_file(descriptor: BorrowedFd<'_>, file: OwnedFd) -> Result<()> {
    // SAFETY: both descriptors are open; the one replaced stays open, so that whoever owns it still
    // owns exactly one.
    let result = unsafe { libc::dup3(file.as_raw_fd(), descriptor.as_raw_fd(), libc::O_CLOEXEC) };
    if result < 0 {
        return Err(Error::of_system("replace a device's file", last_errno()));
    }
    Ok(())
}

/// Nanoseconds of the monotonic clock.
pub fn monotonic_nanoseconds() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to a live local variable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One process as opposed to its forked children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessImage(u32);

static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

impl ProcessImage {
    /// This process.
    pub fn current() -> Self {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| {
            // Without memory for the handler, a child takes itself for its parent, and may give
            // back addresses that are no longer its own: as if this library were not fork-aware.
            // SAFETY: the function takes nothing and is never unloaded while threads run.
            let _registered = unsafe { libc::pthread_atfork(None, None, Some(count_fork)) };
        });
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether no fork came between.
    pub fn is_current(self) -> bool {
        self == Self::current()
    }

    /// Differs from that of every process this one was forked from.
    pub fn number(self) -> u32 {
        self.0
    }
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
pub fn memory_file(len: usize) -> Result<OwnedFd> {
    // SAFETY: the name is a terminated string.
    let file = unsafe { libc::memfd_create(c"isocl-test".as_ptr(), libc::MFD_CLOEXEC) };
    if file < 0 {
        return Err(Error::of_system("create a memory file", last_errno()));
    }
    // SAFETY: a descriptor just made, owned by nobody else.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    // SAFETY: changes the length of our own file only.
    let result = unsafe { libc::ftruncate(file.as_raw_fd(), len as i64) };
    if result != 0 {
        return Err(Error::of_system("size a memory file", last_errno()));
    }
    Ok(file)
}
