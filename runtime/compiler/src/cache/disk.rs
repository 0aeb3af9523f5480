//! The folder of results: one file a result, written under another name and renamed, so that no
//! process sees half of one. Each file carries a checksum; what is damaged is removed.
//!
//! Results are machine code, so the folder must be the user's own and writable by nobody else.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

const MAGIC: &[u8; 8] = b"ISOCLRES";
const HEADER_BYTES: usize = 40;

/// What is kept at most.
const LIMIT: Size = Size {
    bytes: 512 << 20,
    results: 16_384,
};

/// Results written between two looks at the size of the folder, each of which asks every file.
const WRITES_BETWEEN_LOOKS: u64 = 64;

/// A result's time is that of its last use, to so much.
const TIME_GRAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// A file with a passing name that is older was left behind by a process that died.
const PASSING_AGE: Duration = Duration::from_secs(60 * 60);

/// How much is in the folder, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    bytes: u64,
    results: u64,
}

impl Size {
    fn is_within(self, limit: Self) -> bool {
        self.bytes <= limit.bytes && self.results <= limit.results
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    limit: Size,
    writes: AtomicU64,
}

impl Disk {
    /// Uses `folder`, which is made if need be; nothing if it is not, or not only, the user's.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        Self::with_limit(folder, LIMIT)
    }

    fn with_limit(folder: &Path, limit: Size) -> Option<Self> {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(folder);
        let metadata = made.and_then(|()| fs::metadata(folder)).ok()?;
        let user = fs::metadata("/proc/self").ok()?.uid();
        let private = metadata.uid() == user && metadata.mode() & 0o022 == 0;
        (metadata.is_dir() && private).then(|| Self {
            folder: folder.to_owned(),
            limit,
            // Of many processes that write one result each, some look too.
            writes: AtomicU64::new(std::process::id().into()),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The result `name`, if it is there and sound.
    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let Some(mut bytes) = read(&path).ok()? else {
            // Somebody may have put a sound one in its place meanwhile: that one is made again.
            let _removed = fs::remove_file(&path);
            return None;
        };
        bytes.drain(..HEADER_BYTES);
        Some(bytes)
    }

    /// Writes a result; a disk that takes nothing keeps nothing.
    pub(super) fn put(&self, name: &str, result: &[u8]) {
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let passing = self.path(&format!("passing-{}-{number}", std::process::id()));
        let written = write(&passing, result).and_then(|()| fs::rename(&passing, self.path(name)));
        if written.is_err() {
            let _removed = fs::remove_file(&passing);
        } else if number.is_multiple_of(WRITES_BETWEEN_LOOKS) {
            self.trim();
        }
    }

    /// Removes the results that were not used for longest when there are too many.
    fn trim(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let now = SystemTime::now();
        let mut results = Vec::new();
        let mut bytes = 0;
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let used = metadata.modified().unwrap_or(now);
            let is_passing = entry.file_name().to_string_lossy().starts_with("passing-");
            if !is_passing {
                bytes += metadata.len();
                results.push((used, metadata.len(), entry.path()));
            } else if now.duration_since(used).is_ok_and(|age| age > PASSING_AGE) {
                let _removed = fs::remove_file(entry.path());
            }
        }
        let mut total = Size {
            bytes,
            results: results.len() as u64,
        };
        if total.is_within(self.limit) {
            return;
        }
        let room = Size {
            bytes: self.limit.bytes / 4 * 3,
            results: self.limit.results / 4 * 3,
        };
        results.sort();
        for (_, len, path) in results {
            if total.is_within(room) {
                break;
            }
            // Another process that trims too may have been first.
            let _removed = fs::remove_file(path);
            total.bytes -= len;
            total.results -= 1;
        }
    }
}

/// Bytes that a file may have at most; writing more would end the process (`SIGXFSZ`).
fn most_bytes_of_a_file() -> std::io::Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let mut lines = limits.lines();
    let limit = lines.find_map(|line| line.strip_prefix("Max file size"));
    let soft = limit.and_then(|limit| limit.split_whitespace().next());
    match soft {
        Some("unlimited") => Ok(u64::MAX),
        number => Ok(number.and_then(|number| number.parse().ok()).unwrap_or(0)),
    }
}

fn write(path: &Path, result: &[u8]) -> std::io::Result<()> {
    if (HEADER_BYTES + result.len()) as u64 > most_bytes_of_a_file()? {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + result.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(blake3::hash(result).as_bytes());
    bytes.extend_from_slice(result);
    file.write_all(&bytes)
}

/// The bytes of a file, header and result; nothing if what has the name is no sound result.
fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut options = fs::OpenOptions::new();
    // A pipe or a terminal of that name would wait for somebody, or take the process over.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut file = options.read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    if !metadata.is_file() || metadata.len() > LIMIT.bytes {
        return Ok(None);
    }
    file.read_to_end(&mut bytes)?;
    if !is_sound(&bytes) {
        return Ok(None);
    }
    freshen(&file, &metadata);
    Ok(Some(bytes))
}

fn is_sound(bytes: &[u8]) -> bool {
    let Some((header, result)) = bytes.split_at_checked(HEADER_BYTES) else {
        return false;
    };
    header.starts_with(MAGIC) && header[MAGIC.len()..] == *blake3::hash(result).as_bytes()
}

/// Notes that a result was used, now and then.
fn freshen(file: &File, metadata: &Metadata) {
    let now = SystemTime::now();
    let age = metadata.modified().map(|used| now.duration_since(used));
    if age.is_ok_and(|age| age.is_ok_and(|age| age > TIME_GRAIN)) {
        let _set = file.set_modified(now);
    }
}

#[cfg(test)]
mod tests;
