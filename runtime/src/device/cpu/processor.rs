//! What the machine says of its processor and memory.

use std::fs;

/// Facts about the machine that device queries report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Processor {
    /// Model name.
    pub(super) model: String,
    /// Highest clock frequency in MHz; 0 when unknown.
    pub(super) megahertz: u32,
    /// Largest cache in bytes; 0 when unknown.
    pub(super) cache: u64,
    /// Cache line in bytes.
    pub(super) cache_line: u32,
    /// Memory in bytes.
    pub(super) memory: u64,
    /// Bytes of the widest vector register.
    pub(super) vector_bytes: u32,
}

impl Processor {
    /// Asks the operating system; what it does not tell gets a safe default.
    pub(super) fn of_this_machine() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let (cache, cache_line) = cache();
        Self {
            model: field(&cpuinfo, "model name")
                .unwrap_or("unknown processor")
                .to_owned(),
            megahertz: megahertz(
                &read("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
                &cpuinfo,
            ),
            cache,
            cache_line,
            memory: memory(&read("/proc/meminfo"), &read("/sys/fs/cgroup/memory.max")),
            vector_bytes: vector_bytes(),
        }
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn megahertz(max_kilohertz: &str, cpuinfo: &str) -> u32 {
    match max_kilohertz.trim().parse::<u32>() {
        Ok(kilohertz) => kilohertz / 1000,
        Err(_) => field(cpuinfo, "cpu MHz")
            .and_then(|value| value.parse::<f64>().ok())
            .map_or(0, |mhz| mhz as u32),
    }
}

/// Memory of the machine, or of the control group when that is less.
fn memory(meminfo: &str, group_limit: &str) -> u64 {
    let total = field(meminfo, "MemTotal")
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(1 << 30, |kibibytes| kibibytes << 10);
    group_limit
        .trim()
        .parse()
        .map_or(total, |limit: u64| limit.min(total))
}

/// Size of the largest data cache and of a cache line, in bytes.
fn cache() -> (u64, u32) {
    let mut largest = 0;
    let mut line = 64;
    for index in 0..8 {
        let read = |name: &str| {
            fs::read_to_string(format!(
                "/sys/devices/system/cpu/cpu0/cache/index{index}/{name}"
            ))
            .unwrap_or_default()
        };
        if read("type").trim() == "Instruction" {
            continue;
        }
        largest = largest.max(cache_bytes(&read("size")).unwrap_or(0));
        line = read("coherency_line_size").trim().parse().unwrap_or(line);
    }
    (largest, line)
}

fn cache_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        _ => return None,
    };
    digits.parse::<u64>().ok().map(|number| number << shift)
}

#[cfg(target_arch = "x86_64")]
fn vector_bytes() -> u32 {
    if std::arch::is_x86_feature_detected!("avx512f") {
        64
    } else if std::arch::is_x86_feature_detected!("avx2") {
        32
    } else {
        16
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_bytes() -> u32 {
    16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        assert_eq!(
            field("processor\t: 0\nmodel name\t: A B\n", "model name"),
            Some("A B")
        );
        assert_eq!(megahertz("3500000\n", ""), 3500);
        assert_eq!(megahertz("", "cpu MHz\t\t: 2299.998\n"), 2299);
        assert_eq!(memory("MemTotal:       1024 kB\n", "max\n"), 1 << 20);
        assert_eq!(memory("MemTotal:       1024 kB\n", "4096\n"), 4096);
        assert_eq!(cache_bytes("32K\n"), Some(32 << 10));
        assert_eq!(cache_bytes("2M"), Some(2 << 20));
        assert_eq!(cache_bytes("x"), None);
    }
}
