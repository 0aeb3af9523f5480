//! Results of earlier work: compiled and linked programs, and object code of kernels.
//!
//! Whatever a result depends on is in its [`Key`]: the request, the compiler and its libraries,
//! the processor. What depends on more (files that a program includes) is not kept. Results are
//! kept in memory and, where there is a folder for them, on disk, for other processes; a folder
//! that cannot be used makes building slower and nothing worse.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

mod disk;
mod identity;

use disk::Disk;

/// Bytes of results that are kept in memory.
const MEMORY_LIMIT: usize = 64 << 20;

/// What a result depends on, as a hash that nothing else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of what `work` makes of `parts`, on this compiler.
    pub fn new(work: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [identity::of_compiler(), work.as_bytes()]
            .iter()
            .chain(parts)
        {
            // With their lengths, so that no two lists of parts look alike.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The key as a file name.
    fn name(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

/// The results of this process.
#[derive(Debug, Default)]
struct Cache {
    memory: HashMap<Key, Arc<[u8]>>,
    /// The keys in memory, oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    disk: Option<Arc<Disk>>,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);

fn with_cache<R>(use_cache: impl FnOnce(&mut Cache) -> R) -> R {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    use_cache(cache.get_or_insert_default())
}

impl Cache {
    fn remember(&mut self, key: Key, result: Arc<[u8]>) {
        if result.len() > MEMORY_LIMIT / 4 {
            return;
        }
        self.bytes += result.len();
        match self.memory.insert(key, result) {
            Some(old) => self.bytes -= old.len(),
            None => self.order.push_back(key),
        }
        while self.bytes > MEMORY_LIMIT {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.bytes -= self.memory.remove(&oldest).map_or(0, |old| old.len());
        }
    }
}

/// Keeps results in `folder` from now on, or in memory only.
pub fn use_folder(folder: Option<&Path>) {
    let disk = folder.and_then(Disk::open).map(Arc::new);
    with_cache(|cache| cache.disk = disk);
}

/// The result of earlier work with this key.
pub fn get(key: &Key) -> Option<Arc<[u8]>> {
    let disk = with_cache(|cache| match cache.memory.get(key) {
        Some(result) => Err(Arc::clone(result)),
        None => Ok(cache.disk.clone()),
    });
    let disk = match disk {
        Err(result) => return Some(result),
        Ok(disk) => disk?,
    };
    let result: Arc<[u8]> = disk.get(&key.name())?.into();
    with_cache(|cache| cache.remember(*key, Arc::clone(&result)));
    Some(result)
}

/// Keeps a result.
pub fn put(key: &Key, result: Vec<u8>) {
    let result: Arc<[u8]> = result.into();
    let disk = with_cache(|cache| {
        cache.remember(*key, Arc::clone(&result));
        cache.disk.clone()
    });
    if let Some(disk) = disk {
        disk.put(&key.name(), &result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_when_anything_does() {
        let key = Key::new("work", &[b"ab", b"c"]);
        assert_eq!(key, Key::new("work", &[b"ab", b"c"]));
        for other in [
            Key::new("work", &[b"a", b"bc"]),
            Key::new("work", &[b"abc"]),
            Key::new("work", &[b"ab", b"c", b""]),
            Key::new("other", &[b"ab", b"c"]),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn memory_has_a_limit_and_forgets_the_oldest() {
        let mut cache = Cache::default();
        let keys: Vec<Key> = (0..20u8).map(|n| Key::new("memory", &[&[n]])).collect();
        for key in &keys {
            cache.remember(*key, vec![0; MEMORY_LIMIT / 8].into());
        }
        assert_eq!(cache.memory.len(), 8);
        assert!(!cache.memory.contains_key(&keys[11]) && cache.memory.contains_key(&keys[12]));
        cache.remember(keys[12], vec![0; 16].into());
        assert_eq!(cache.bytes, MEMORY_LIMIT / 8 * 7 + 16);
        cache.remember(keys[0], vec![0; MEMORY_LIMIT].into());
        assert!(!cache.memory.contains_key(&keys[0]), "too large to keep");
    }
}
