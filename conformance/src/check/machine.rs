//! The machine of a run, in words.

use std::num::NonZeroUsize;

/// The processor's name and how many of them this process may use.
pub fn in_words() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    words(&text, count)
}

fn words(cpuinfo: &str, count: usize) -> String {
    let names = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let name = names
        .filter(|(key, _)| key.trim() == "model name")
        .map(|(_, name)| name.trim())
        .next()
        .unwrap_or("a processor without a name");
    format!("{count} × {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: Fast One\nflags\t: a b\n";
        assert_eq!(words(text, 2), "2 × Fast One");
        assert_eq!(words("", 1), "1 × a processor without a name");
    }
}
