//! A driver's node, as each process has it open.
//!
//! Memory, handles and mirrors belong to the file of one process. A forked child inherits the
//! descriptor; before its first use it puts a file of its own in the descriptor's place, which also
//! lets go of the parent's, so that the parent's memory is not kept alive.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sys::{self, ProcessImage};
use crate::Result;

/// See the module.
#[derive(Debug)]
pub struct DeviceNode {
    path: PathBuf,
    /// The number never changes, the file behind it does in a forked child.
    descriptor: OwnedFd,
    /// The process that opened the file behind the descriptor.
    owner: AtomicU32,
    /// Held while a forked child replaces the file. Otherwise nothing is locked: a child could
    /// inherit a lock that nobody is there to release.
    replacing: Mutex<()>,
}

impl DeviceNode {
    /// Opens the node.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            descriptor: sys::open_device(path)?,
            owner: AtomicU32::new(ProcessImage::current().number()),
            replacing: Mutex::new(()),
        })
    }

    /// The file of this process. In a forked child, it is opened first and given to `prepare`.
    ///
    /// # Errors
    /// What the system or `prepare` says; the next call tries again.
    pub fn file(
        &self,
        prepare: impl FnOnce(BorrowedFd<'_>) -> Result<()>,
    ) -> Result<BorrowedFd<'_>> {
        let current = ProcessImage::current().number();
        if self.owner.load(Ordering::Acquire) != current {
            let _replacing = self
                .replacing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if self.owner.load(Ordering::Acquire) != current {
                let file = sys::open_device(&self.path)?;
                prepare(file.as_fd())?;
                sys::replace_file(self.descriptor.as_fd(), file)?;
                self.owner.store(current, Ordering::Release);
            }
        }
        Ok(self.descriptor.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    fn size_behind(descriptor: BorrowedFd<'_>) -> u64 {
        let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        std::fs::metadata(link).unwrap().size()
    }

    /// A forked child, without a fork: the mark of the owner is another process's.
    #[test]
    fn a_child_puts_its_own_file_behind_the_descriptor_once() {
        let path = std::env::temp_dir().join(format!("isocl-node-{}", std::process::id()));
        std::fs::write(&path, b"parent").unwrap();
        let node = DeviceNode::open(&path).unwrap();
        let never = |_: BorrowedFd<'_>| unreachable!("the file is this process's");
        let number = node.file(never).unwrap().as_raw_fd();
        // Another file under the same name shows which one is behind the descriptor.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"a child's").unwrap();
        assert_eq!(size_behind(node.file(never).unwrap()), 6);
        node.owner.fetch_add(1, Ordering::Relaxed);
        let refused = node.file(|_| Err(crate::Error::invalid("prepare")));
        assert!(refused.is_err(), "and the next call tries again");
        let mut prepared = 0;
        for _ in 0..2 {
            let file = node.file(|file| {
                prepared += 1;
                assert_eq!(size_behind(file), 9);
                Ok(())
            });
            let file = file.unwrap();
            assert_eq!(file.as_raw_fd(), number);
            assert_eq!(size_behind(file), 9);
        }
        assert_eq!(prepared, 1);
        std::fs::remove_file(&path).unwrap();
    }
}
