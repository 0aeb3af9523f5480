use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicUsize;

use super::*;

/// A folder of its own for each test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("isocl-cache-test-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_put_is_got_by_another_process_too() {
    let folder = Folder::new();
    let disk = Disk::open(&folder.0).unwrap();
    assert_eq!(disk.get("a"), None);
    disk.put("a", b"result");
    disk.put("empty", b"");
    let other = Disk::open(&folder.0).unwrap();
    assert_eq!(other.get("a").unwrap(), b"result");
    assert_eq!(other.get("empty").unwrap(), b"");
    other.put("a", b"newer");
    assert_eq!(disk.get("a").unwrap(), b"newer");
    assert_eq!(folder.files(), ["a", "empty"]);
}

#[test]
fn damaged_results_are_removed() {
    let folder = Folder::new();
    let disk = Disk::open(&folder.0).unwrap();
    disk.put("a", b"some result");
    let good = fs::read(folder.0.join("a")).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 4;
        for bytes in [&bad[..], &good[..at]] {
            fs::write(folder.0.join("a"), bytes).unwrap();
            assert_eq!(disk.get("a"), None, "{at}");
            assert!(folder.files().is_empty(), "{at}");
        }
    }
    fs::create_dir(folder.0.join("a")).unwrap();
    assert_eq!(disk.get("a"), None);
    disk.put("a", b"in the way");
    assert_eq!(folder.files(), ["a"], "nothing passing is left");
}

#[test]
fn what_is_no_file_is_neither_waited_for_nor_read() {
    let folder = Folder::new();
    let disk = Disk::open(&folder.0).unwrap();
    let path = folder.0.join("a");
    let pipe = || {
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
    };
    let endless = || std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let nowhere = || std::os::unix::fs::symlink("/nonexistent", &path).unwrap();
    let too_long = || File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let makers: [&dyn Fn(); 4] = [&pipe, &endless, &nowhere, &too_long];
    for make in makers {
        make();
        assert_eq!(disk.get("a"), None);
        disk.put("a", b"result");
        assert_eq!(disk.get("a").unwrap(), b"result");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_folder_of_others_or_none_is_not_used() {
    let folder = Folder::new();
    assert!(Disk::open(&folder.0).is_some());
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(Disk::open(&folder.0).is_none(), "anybody may write there");
    assert!(Disk::open(Path::new("/proc/isocl")).is_none());
    assert!(Disk::open(Path::new("/dev/null/isocl")).is_none());
    // A folder that disappears takes the results with it, and nothing else.
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
    let disk = Disk::open(&folder.0).unwrap();
    fs::remove_dir_all(&folder.0).unwrap();
    disk.put("a", b"lost");
    assert_eq!(disk.get("a"), None);
}

#[test]
fn the_results_unused_for_longest_go_first() {
    let folder = Folder::new();
    let limit = Size {
        bytes: 10_000,
        ..LIMIT
    };
    let disk = Disk::with_limit(&folder.0, limit).unwrap();
    // The writes of this test are none of those that look by themselves.
    disk.writes.store(1, Ordering::Relaxed);
    for number in 0..5_u64 {
        disk.put(&format!("{number}"), &[0; 2900]);
        let file = File::open(folder.0.join(format!("{number}"))).unwrap();
        let age = Duration::from_secs((10 - number) * 24 * 60 * 60);
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    let stale = folder.0.join("passing-1-1");
    fs::write(&stale, b"").unwrap();
    let hours = Duration::from_secs(2 * 60 * 60);
    let file = File::options().write(true).open(&stale).unwrap();
    file.set_modified(SystemTime::now() - hours).unwrap();
    fs::write(folder.0.join("passing-1-2"), b"").unwrap();
    assert!(disk.get("1").is_some(), "used just now");
    disk.trim();
    assert_eq!(folder.files(), ["1", "4", "passing-1-2"]);
}

#[test]
fn a_folder_of_many_small_results_is_looked_at_now_and_then_and_trimmed() {
    let folder = Folder::new();
    let limit = Size {
        results: 40,
        ..LIMIT
    };
    let disk = Disk::with_limit(&folder.0, limit).unwrap();
    let mut trimmed = Vec::new();
    for number in 0..4 * WRITES_BETWEEN_LOOKS {
        let before = folder.files().len();
        disk.put(&format!("{number}"), b"");
        let after = folder.files().len();
        if after != before + 1 {
            assert_eq!(after, 30);
            trimmed.push(number);
        }
    }
    // A trimmed folder is over its limit again at the next look.
    assert!(trimmed.len() >= 3, "{trimmed:?}");
    for pair in trimmed.windows(2) {
        assert_eq!(pair[1] - pair[0], WRITES_BETWEEN_LOOKS);
    }
}

#[test]
fn many_writers_leave_sound_results() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let folder = &folder.0;
            scope.spawn(move || {
                let disk = Disk::open(folder).unwrap();
                for round in 0..100_u8 {
                    let name = format!("{}", round % 5);
                    if let Some(result) = disk.get(&name) {
                        assert!(result.iter().all(|byte| *byte == result[0]));
                    }
                    disk.put(&name, &vec![thread; 1000 + usize::from(thread)]);
                }
            });
        }
    });
    assert_eq!(folder.files().len(), 5);
}
