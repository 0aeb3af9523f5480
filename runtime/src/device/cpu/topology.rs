//! What the machine's processors share: memory nodes and caches, as Linux tells it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::placement;
use crate::device::partition::AffinityDomain;

/// Cache indices of a processor that are looked at: instruction and data caches of four levels.
const MAX_CACHES: usize = 8;

/// Which of the processors that this process may use share what.
#[derive(Debug, Default)]
pub(super) struct Topology {
    /// Numbers of the processors, ascending.
    processors: Vec<usize>,
    /// For each domain, the sets of processors that share one.
    sets: BTreeMap<AffinityDomain, Vec<Vec<usize>>>,
}

impl Topology {
    /// Asks the operating system, once.
    pub(super) fn of_this_machine() -> &'static Self {
        static TOPOLOGY: OnceLock<Topology> = OnceLock::new();
        TOPOLOGY.get_or_init(|| Self::read(Path::new("/sys/devices/system"), placement::allowed()))
    }

    fn read(system: &Path, processors: Vec<usize>) -> Self {
        let mut sets: BTreeMap<_, Vec<Vec<usize>>> = BTreeMap::new();
        sets.insert(AffinityDomain::Numa, nodes(&system.join("node")));
        for processor in &processors {
            for index in 0..MAX_CACHES {
                let folder = system.join(format!("cpu/cpu{processor}/cache/index{index}"));
                if let Some((domain, set)) = cache(&folder) {
                    let known = sets.entry(domain).or_default();
                    if !known.contains(&set) {
                        known.push(set);
                    }
                }
            }
        }
        Self { processors, sets }
    }

    /// The processors that this process may use.
    pub(super) fn processors(&self) -> &[usize] {
        &self.processors
    }

    /// The processors of `of` by what they share in `domain`; empty when all share the same, or
    /// when it is not known of all.
    pub(super) fn split(&self, domain: AffinityDomain, of: &[usize]) -> Vec<Vec<usize>> {
        let sets = self.sets.get(&domain).map_or(&[][..], Vec::as_slice);
        let mut parts = vec![Vec::new(); sets.len()];
        for processor in of {
            match sets.iter().position(|set| set.contains(processor)) {
                Some(set) => parts[set].push(*processor),
                None => return Vec::new(),
            }
        }
        parts.retain(|part| !part.is_empty());
        if parts.len() < 2 {
            parts.clear();
        }
        parts
    }
}

/// The processors of each memory node, in the order of the nodes.
fn nodes(folder: &Path) -> Vec<Vec<usize>> {
    let numbers = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut numbers: Vec<usize> = numbers
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("node")?
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    numbers
        .into_iter()
        .filter_map(|number| {
            let list = fs::read_to_string(folder.join(format!("node{number}/cpulist"))).ok()?;
            processor_list(&list)
        })
        .collect()
}

/// Which domain a cache makes, and its processors; nothing for a cache of instructions.
fn cache(folder: &Path) -> Option<(AffinityDomain, Vec<usize>)> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    if read("type")?.trim() == "Instruction" {
        return None;
    }
    let domain = match read("level")?.trim() {
        "1" => AffinityDomain::L1Cache,
        "2" => AffinityDomain::L2Cache,
        "3" => AffinityDomain::L3Cache,
        "4" => AffinityDomain::L4Cache,
        _ => return None,
    };
    Some((domain, processor_list(&read("shared_cpu_list")?)?))
}

/// A list like `0-3,8`.
fn processor_list(text: &str) -> Option<Vec<usize>> {
    let mut list = Vec::new();
    for range in text.trim().split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        list.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder as Linux has it under `/sys/devices/system`; removed when dropped.
    struct System(PathBuf);

    impl System {
        fn new(name: &str) -> Self {
            let name = format!("isocl-topology-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn write(&self, file: &str, text: &str) {
            let file = self.0.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        fn cache(&self, processor: usize, index: usize, level: u32, kind: &str, shared: &str) {
            let folder = format!("cpu/cpu{processor}/cache/index{index}");
            self.write(&format!("{folder}/level"), &format!("{level}\n"));
            self.write(&format!("{folder}/type"), &format!("{kind}\n"));
            self.write(&format!("{folder}/shared_cpu_list"), &format!("{shared}\n"));
        }
    }

    impl Drop for System {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Two nodes of four processors: pairs of threads share the first two levels, a node the third.
    fn two_nodes(name: &str) -> System {
        let system = System::new(name);
        system.write("node/node0/cpulist", "0-3\n");
        system.write("node/node1/cpulist", "4-7\n");
        system.write("node/possible", "0-1\n");
        for processor in 0..8 {
            let first = processor & !1;
            let pair = format!("{first}-{}", first + 1);
            let node = ["0-3", "4-7"][processor / 4];
            system.cache(processor, 0, 1, "Data", &pair);
            system.cache(processor, 1, 1, "Instruction", &processor.to_string());
            system.cache(processor, 2, 2, "Unified", &pair);
            system.cache(processor, 3, 3, "Unified", node);
        }
        system
    }

    #[test]
    fn processors_are_divided_by_what_they_share() {
        let system = two_nodes("all");
        let topology = Topology::read(&system.0, (0..8).collect());
        let split = |domain, of: &[usize]| topology.split(domain, of);
        let all: Vec<usize> = (0..8).collect();
        let nodes = [vec![0, 1, 2, 3], vec![4, 5, 6, 7]];
        assert_eq!(split(AffinityDomain::Numa, &all), nodes);
        assert_eq!(split(AffinityDomain::L3Cache, &all), nodes);
        let pairs = [vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7]];
        assert_eq!(split(AffinityDomain::L2Cache, &all), pairs);
        assert_eq!(split(AffinityDomain::L1Cache, &all), pairs);
        assert!(split(AffinityDomain::L4Cache, &all).is_empty());
        // Parts are divided further, and only by what divides them.
        assert!(split(AffinityDomain::Numa, &nodes[1]).is_empty());
        assert_eq!(split(AffinityDomain::L2Cache, &nodes[1]), pairs[2..]);
        assert!(split(AffinityDomain::L1Cache, &pairs[0]).is_empty());
    }

    #[test]
    fn processors_that_are_not_allowed_belong_to_no_part() {
        let system = two_nodes("some");
        let topology = Topology::read(&system.0, vec![1, 6, 7]);
        let all = topology.processors().to_vec();
        let expected = [vec![1], vec![6, 7]];
        assert_eq!(topology.split(AffinityDomain::Numa, &all), expected);
        assert_eq!(topology.split(AffinityDomain::L2Cache, &all), expected);
    }

    #[test]
    fn what_is_not_known_of_all_divides_nothing() {
        let system = System::new("unknown");
        system.cache(0, 0, 1, "Data", "0");
        system.cache(1, 0, 1, "Data", "nonsense");
        system.cache(2, 0, 9, "Data", "0-2");
        let topology = Topology::read(&system.0, vec![0, 1, 2]);
        for domain in AffinityDomain::ORDER {
            assert!(topology.split(domain, &[0, 1, 2]).is_empty(), "{domain:?}");
        }
    }

    #[test]
    fn lists_are_read_as_linux_writes_them() {
        assert_eq!(processor_list("0-2,5,7-8\n"), Some(vec![0, 1, 2, 5, 7, 8]));
        assert_eq!(processor_list("\n"), Some(Vec::new()));
        assert_eq!(processor_list("0-x\n"), None);
    }
}
