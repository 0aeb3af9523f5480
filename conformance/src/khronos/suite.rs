//! The suites: programs of the Khronos conformance tests, with the arguments they run with.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A program of the Khronos conformance tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite<'a> {
    /// Its folder in `test_conformance`.
    pub name: &'a str,
    /// What it is started with.
    pub arguments: &'a str,
    /// How much of the tests it belongs to.
    pub set: Set,
}

/// How much of the tests is run: each set contains those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Set {
    /// What is about shared virtual memory.
    Svm,
    /// What takes seconds.
    Quick,
    /// What takes minutes: numbers, in the tests' own "wimpy" mode, and conversions.
    Full,
}

const fn suite(set: Set, name: &'static str, arguments: &'static str) -> Suite<'static> {
    Suite {
        name,
        arguments,
        set,
    }
}

/// The suites that sets are made of.
pub const SUITES: &[Suite<'static>] = &[
    suite(Set::Svm, "SVM", ""),
    suite(Set::Svm, "generic_address_space", ""),
    suite(Set::Quick, "allocations", "single 5 all"),
    suite(Set::Quick, "api", ""),
    suite(Set::Quick, "atomics", ""),
    suite(Set::Quick, "basic", ""),
    suite(Set::Quick, "buffers", ""),
    suite(Set::Quick, "commonfns", ""),
    suite(Set::Quick, "compiler", ""),
    suite(Set::Quick, "computeinfo", ""),
    suite(Set::Quick, "device_partition", ""),
    suite(Set::Quick, "device_timer", ""),
    suite(Set::Quick, "events", ""),
    suite(Set::Quick, "geometrics", ""),
    suite(Set::Quick, "mem_host_flags", ""),
    suite(Set::Quick, "multiple_device_context", ""),
    suite(Set::Quick, "non_uniform_work_group", "*"),
    suite(Set::Quick, "printf", ""),
    suite(Set::Quick, "profiling", ""),
    suite(Set::Quick, "relationals", ""),
    suite(Set::Quick, "subgroups", ""),
    suite(Set::Quick, "thread_dimensions", "quick*"),
    suite(Set::Quick, "vectors", ""),
    suite(Set::Quick, "workgroups", ""),
    suite(Set::Full, "c11_atomics", "-internalIterations 1000"),
    suite(Set::Full, "contractions", ""),
    suite(Set::Full, "conversions", "-w"),
    suite(Set::Full, "half", "-w"),
    suite(Set::Full, "integer_ops", "integer_* quick_*"),
    suite(Set::Full, "math_brute_force", "-w"),
    suite(Set::Full, "select", "-w"),
];

/// The suites that these words name: a set, or the folder of a suite, which need not be in a set.
pub fn select(words: &[String]) -> Vec<Suite<'_>> {
    let mut selected: Vec<Suite<'_>> = Vec::new();
    for word in words {
        let set = match word.as_str() {
            "svm" => Some(Set::Svm),
            "quick" => Some(Set::Quick),
            "full" => Some(Set::Full),
            _ => None,
        };
        let mut found: Vec<Suite<'_>> = SUITES
            .iter()
            .filter(|suite| set.map_or(suite.name == word, |set| suite.set <= set))
            .copied()
            .collect();
        if found.is_empty() {
            found.push(Suite {
                name: word,
                arguments: "",
                set: Set::Full,
            });
        }
        for suite in found {
            if selected.iter().all(|known| known.name != suite.name) {
                selected.push(suite);
            }
        }
    }
    selected
}

impl Suite<'_> {
    /// Its program: the one in its folder whose name begins with `test_`.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn program(&self, folder: &Path) -> Result<PathBuf, String> {
        let folder = folder.join(self.name);
        let entries = folder
            .read_dir()
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut programs: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("test_"))
            .filter(|entry| {
                // Follows links, as starting it does.
                let metadata = entry.path().metadata();
                metadata.is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o100 != 0)
            })
            .map(|entry| entry.path())
            .collect();
        match (programs.pop(), programs.len()) {
            (Some(program), 0) => Ok(program),
            (_, others) => Err(format!(
                "{}: {} programs test_*, not one",
                folder.display(),
                if others == 0 { 0 } else { others + 1 }
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let selected = select(&words);
        let names = selected.iter().map(|suite| suite.name.to_owned());
        names.collect()
    }

    #[test]
    fn sets_contain_the_smaller_ones() {
        assert_eq!(names(&["svm"]), ["SVM", "generic_address_space"]);
        let (quick, full) = (names(&["quick"]), names(&["full"]));
        assert!(quick.contains(&"SVM".to_owned()) && !quick.contains(&"select".to_owned()));
        assert_eq!(full.len(), SUITES.len());
        assert_eq!(
            names(&["images/clFillImage", "SVM", "svm"])[1..],
            ["SVM", "generic_address_space"]
        );
    }

    #[test]
    fn a_known_suite_brings_its_arguments() {
        let words = ["half".to_owned(), "pipes".to_owned()];
        let selected = select(&words);
        assert_eq!(selected[0].arguments, "-w");
        assert_eq!((selected[1].name, selected[1].arguments), ("pipes", ""));
    }
}
