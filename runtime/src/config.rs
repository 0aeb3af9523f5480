//! The environment variables, read once.

use std::path::PathBuf;
use std::sync::OnceLock;

use isocl_kernel_iface::choice::Choice;

use crate::flags::DeviceType;

/// One row of the table of environment variables.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Name in the environment.
    pub name: &'static str,
    /// What an unset variable means.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Every environment variable that the library reads.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "ISOCL_DRIVER",
        default: "auto",
        meaning: "Where memory comes from: auto (the kernel driver if /dev/isocl0 opens, else the emulator), emulator, \
                  or the path of a driver's node",
    },
    Variable {
        name: "ISOCL_ADDRESS_BITS",
        default: "what the driver or the processor decodes",
        meaning: "Address bits of the CPU device, 32 to 57: all its memory lies below 2 to this power, and with fewer \
                  than 47 system SVM is not reported",
    },
    Variable {
        name: "ISOCL_RESERVED_REGIONS",
        default: "none",
        meaning: "Address ranges the CPU device's memory keeps clear of: first-end pairs in hexadecimal, end \
                  exclusive, separated by commas",
    },
    Variable {
        name: "ISOCL_SVM",
        default: "system",
        meaning: "Highest SVM level the CPU device reports: coarse, fine, atomics or system",
    },
    Variable {
        name: "ISOCL_COMPUTE_UNITS",
        default: "the processors this process may use",
        meaning: "Number of compute units and worker threads of the CPU device",
    },
    Variable {
        name: "ISOCL_GLOBAL_MEMORY",
        default: "the machine's memory",
        meaning: "Global memory of the CPU device in bytes",
    },
    Variable {
        name: "ISOCL_DEVICE_TYPE",
        default: "cpu",
        meaning: "Type the CPU device reports, for programs that insist on one: cpu, gpu or accelerator",
    },
    Variable {
        name: "ISOCL_DEVICE_NAME",
        default: "isocl CPU and the processor's name",
        meaning: "Name the device reports, for programs that look for one",
    },
    Variable {
        name: "ISOCL_DEVICE_VENDOR",
        default: "isocl",
        meaning: "Vendor the device reports",
    },
    Variable {
        name: "ISOCL_DEVICE_VENDOR_ID",
        default: "69736f63",
        meaning: "Vendor number the device reports, in hexadecimal",
    },
    Variable {
        name: "ISOCL_MAX_WORK_GROUP_SIZE",
        default: "4096",
        meaning: "Most work-items in a work-group, 1 to 4096",
    },
    Variable {
        name: "ISOCL_LOCAL_MEMORY",
        default: "262144",
        meaning: "Local memory in bytes, 32768 to 262144",
    },
    Variable {
        name: "ISOCL_MAX_ALLOCATION",
        default: "three quarters of the global memory",
        meaning: "Longest allocation in bytes, at least 134217728 and at most the global memory",
    },
    Variable {
        name: "ISOCL_CACHE",
        default: "isocl in $XDG_CACHE_HOME or ~/.cache",
        meaning: "Folder where compiled programs are kept for later processes, or off",
    },
    Variable {
        name: "ISOCL_LOG",
        default: "none",
        meaning: "What goes to the standard error stream: none, error (failed calls with the reason) or call (every \
                  call)",
    },
    Variable {
        name: "ISOCL_COMPILER_LIBRARY",
        default: "libisocl_compiler.so beside the driver",
        meaning: "Path of the kernel compiler library",
    },
];

/// Levels of shared virtual memory (§3.3.3), in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SvmLevel {
    /// Coarse-grained buffers.
    Coarse,
    /// Fine-grained buffers.
    Fine,
    /// Fine-grained buffers with atomics.
    Atomics,
    /// Fine-grained system sharing with atomics.
    System,
}

/// What is written to the standard error stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    None,
    /// Calls and commands that fail.
    Error,
    /// Every call.
    Call,
}

/// What the device says of itself instead of the truth, or less than the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disguise {
    /// `ISOCL_DEVICE_NAME`
    pub name: Option<String>,
    /// `ISOCL_DEVICE_VENDOR`
    pub vendor: Option<String>,
    /// `ISOCL_DEVICE_VENDOR_ID`
    pub vendor_id: Option<u32>,
    /// `ISOCL_MAX_WORK_GROUP_SIZE` in work-items
    pub max_work_group_size: Option<usize>,
    /// `ISOCL_LOCAL_MEMORY` in bytes
    pub local_memory: Option<u64>,
    /// `ISOCL_MAX_ALLOCATION` in bytes
    pub max_allocation: Option<u64>,
}

/// The values of the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `ISOCL_DRIVER`
    pub driver: Choice,
    /// `ISOCL_ADDRESS_BITS`
    pub address_bits: Option<u32>,
    /// `ISOCL_RESERVED_REGIONS`: first address and end
    pub reserved_regions: Vec<(u64, u64)>,
    /// `ISOCL_SVM`
    pub svm: SvmLevel,
    /// `ISOCL_COMPUTE_UNITS`
    pub compute_units: Option<usize>,
    /// `ISOCL_GLOBAL_MEMORY` in bytes
    pub global_memory: Option<u64>,
    /// `ISOCL_DEVICE_TYPE`
    pub device_type: DeviceType,
    /// `ISOCL_CACHE`: the folder, if there is to be one
    pub cache: Option<PathBuf>,
    /// What else the device says of itself
    pub disguise: Disguise,
    /// `ISOCL_LOG`
    pub log: LogLevel,
    /// `ISOCL_COMPILER_LIBRARY`
    pub compiler_library: Option<PathBuf>,
}

/// The configuration of this process. A value that cannot be read counts as unset and is
/// mentioned on the standard error stream.
pub fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let (config, complaints) = Config::read(|name| std::env::var_os(name));
        for complaint in complaints {
            crate::log::line(&complaint);
        }
        config
    })
}

impl Config {
    /// Reads the variables through `variable`; also returns a sentence for each malformed one.
    fn read(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> (Self, Vec<String>) {
        let mut complaints = Vec::new();
        let mut text = |name: &str, what: &str, accepts: &dyn Fn(&str) -> bool| {
            let value = variable(name)?;
            let value = value.to_string_lossy().trim().to_owned();
            if value.is_empty() || accepts(&value) {
                return Some(value).filter(|value| !value.is_empty());
            }
            complaints.push(format!("{name}={value} is ignored: it should be {what}"));
            None
        };
        let driver = text(
            "ISOCL_DRIVER",
            "auto, emulator or the path of a node",
            &|value| parse_driver(value).is_some(),
        );
        let address_bits = text("ISOCL_ADDRESS_BITS", "a number from 32 to 64", &|value| {
            value
                .parse()
                .is_ok_and(|bits: u32| (32..=64).contains(&bits))
        });
        let regions = text(
            "ISOCL_RESERVED_REGIONS",
            "hexadecimal ranges like 10000000-20000000",
            &|value| parse_regions(value).is_some(),
        );
        let svm = text("ISOCL_SVM", "coarse, fine, atomics or system", &|value| {
            parse_svm(value).is_some()
        });
        let compute_units = text("ISOCL_COMPUTE_UNITS", "a number from 1 to 4096", &|value| {
            value
                .parse()
                .is_ok_and(|units: usize| (1..=4096).contains(&units))
        });
        let global_memory = text(
            "ISOCL_GLOBAL_MEMORY",
            "a number of bytes, at least 67108864",
            &|value| value.parse().is_ok_and(|bytes: u64| bytes >= 64 << 20),
        );
        let device_type = text("ISOCL_DEVICE_TYPE", "cpu, gpu or accelerator", &|value| {
            parse_device_type(value).is_some()
        });
        let log = text("ISOCL_LOG", "none, error or call", &|value| {
            parse_log(value).is_some()
        });
        let name = text("ISOCL_DEVICE_NAME", "a name", &|_| true);
        let vendor = text("ISOCL_DEVICE_VENDOR", "a name", &|_| true);
        let vendor_id = text("ISOCL_DEVICE_VENDOR_ID", "a hexadecimal number", &|value| {
            parse_hexadecimal(value).is_some_and(|id| u32::try_from(id).is_ok())
        });
        let work_group = text(
            "ISOCL_MAX_WORK_GROUP_SIZE",
            "a number from 1 to 4096",
            &|value| {
                value
                    .parse()
                    .is_ok_and(|size: usize| (1..=4096).contains(&size))
            },
        );
        let local = text(
            "ISOCL_LOCAL_MEMORY",
            "a number from 32768 to 262144",
            &|value| {
                value
                    .parse()
                    .is_ok_and(|bytes: u64| (32 << 10..=256 << 10).contains(&bytes))
            },
        );
        let allocation = text(
            "ISOCL_MAX_ALLOCATION",
            "a number of bytes, at least 134217728",
            &|value| value.parse().is_ok_and(|bytes: u64| bytes >= 128 << 20),
        );
        let disguise = Disguise {
            name,
            vendor,
            vendor_id: vendor_id
                .and_then(|value| parse_hexadecimal(&value))
                .and_then(|id| u32::try_from(id).ok()),
            max_work_group_size: work_group.and_then(|value| value.parse().ok()),
            local_memory: local.and_then(|value| value.parse().ok()),
            max_allocation: allocation.and_then(|value| value.parse().ok()),
        };
        let cache = text("ISOCL_CACHE", "an absolute path or off", &|value| {
            value == "off" || value.starts_with('/')
        });
        // As the XDG base directory specification has it.
        let folder = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let default_cache = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .map(|caches| caches.join("isocl"));
        let config = Self {
            disguise,
            cache: match cache.as_deref() {
                None => default_cache,
                Some("off") => None,
                Some(path) => Some(path.into()),
            },
            driver: driver
                .and_then(|value| parse_driver(&value))
                .unwrap_or(Choice::Automatic),
            address_bits: address_bits.and_then(|value| value.parse().ok()),
            reserved_regions: regions
                .and_then(|value| parse_regions(&value))
                .unwrap_or_default(),
            svm: svm
                .and_then(|value| parse_svm(&value))
                .unwrap_or(SvmLevel::System),
            compute_units: compute_units.and_then(|value| value.parse().ok()),
            global_memory: global_memory.and_then(|value| value.parse().ok()),
            device_type: device_type
                .and_then(|value| parse_device_type(&value))
                .unwrap_or(DeviceType::CPU),
            log: log
                .and_then(|value| parse_log(&value))
                .unwrap_or(LogLevel::None),
            compiler_library: variable("ISOCL_COMPILER_LIBRARY")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        };
        (config, complaints)
    }
}

fn parse_driver(value: &str) -> Option<Choice> {
    match value {
        "auto" => Some(Choice::Automatic),
        "emulator" => Some(Choice::Emulator),
        path if path.starts_with('/') => Some(Choice::Node(path.into())),
        _ => None,
    }
}

fn parse_regions(value: &str) -> Option<Vec<(u64, u64)>> {
    value
        .split(',')
        .map(|pair| {
            let (first, end) = pair.split_once('-')?;
            let (first, end) = (parse_hexadecimal(first)?, parse_hexadecimal(end)?);
            (first < end).then_some((first, end))
        })
        .collect()
}

fn parse_hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

fn parse_svm(value: &str) -> Option<SvmLevel> {
    match value {
        "coarse" => Some(SvmLevel::Coarse),
        "fine" => Some(SvmLevel::Fine),
        "atomics" => Some(SvmLevel::Atomics),
        "system" => Some(SvmLevel::System),
        _ => None,
    }
}

fn parse_device_type(value: &str) -> Option<DeviceType> {
    match value {
        "cpu" => Some(DeviceType::CPU),
        "gpu" => Some(DeviceType::GPU),
        "accelerator" => Some(DeviceType::ACCELERATOR),
        _ => None,
    }
}

fn parse_log(value: &str) -> Option<LogLevel> {
    match value {
        "none" => Some(LogLevel::None),
        "error" => Some(LogLevel::Error),
        "call" => Some(LogLevel::Call),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Config, Vec<String>) {
        Config::read(|name| {
            let (_, value) = pairs.iter().find(|(known, _)| *known == name)?;
            Some(value.into())
        })
    }

    #[test]
    fn reads_every_variable() {
        let (config, complaints) = read(&[
            ("ISOCL_DRIVER", "/dev/isocl1"),
            ("ISOCL_ADDRESS_BITS", "40"),
            ("ISOCL_RESERVED_REGIONS", "0x1000-2000, 30000-0x40000"),
            ("ISOCL_SVM", "fine"),
            ("ISOCL_COMPUTE_UNITS", "3"),
            ("ISOCL_GLOBAL_MEMORY", "1073741824"),
            ("ISOCL_DEVICE_TYPE", "gpu"),
            ("ISOCL_DEVICE_NAME", "A GPU"),
            ("ISOCL_DEVICE_VENDOR", "Somebody"),
            ("ISOCL_DEVICE_VENDOR_ID", "0x10de"),
            ("ISOCL_MAX_WORK_GROUP_SIZE", "256"),
            ("ISOCL_LOCAL_MEMORY", "49152"),
            ("ISOCL_MAX_ALLOCATION", "536870912"),
            ("ISOCL_CACHE", "/var/cache/x"),
            ("ISOCL_LOG", "call"),
            ("ISOCL_COMPILER_LIBRARY", "/a/b.so"),
        ]);
        assert!(complaints.is_empty(), "{complaints:?}");
        let expected = Config {
            driver: Choice::Node("/dev/isocl1".into()),
            address_bits: Some(40),
            reserved_regions: vec![(0x1000, 0x2000), (0x30000, 0x40000)],
            svm: SvmLevel::Fine,
            compute_units: Some(3),
            global_memory: Some(1 << 30),
            device_type: DeviceType::GPU,
            disguise: Disguise {
                name: Some("A GPU".to_owned()),
                vendor: Some("Somebody".to_owned()),
                vendor_id: Some(0x10DE),
                max_work_group_size: Some(256),
                local_memory: Some(48 << 10),
                max_allocation: Some(512 << 20),
            },
            cache: Some("/var/cache/x".into()),
            log: LogLevel::Call,
            compiler_library: Some("/a/b.so".into()),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn malformed_values_count_as_unset_and_are_mentioned() {
        let (config, complaints) = read(&[
            ("ISOCL_DRIVER", "isocl0"),
            ("ISOCL_ADDRESS_BITS", "31"),
            ("ISOCL_RESERVED_REGIONS", "2000-1000"),
            ("ISOCL_SVM", "all"),
            ("ISOCL_COMPUTE_UNITS", "0"),
            ("ISOCL_GLOBAL_MEMORY", "1"),
            ("ISOCL_DEVICE_VENDOR_ID", "123456789"),
            ("ISOCL_MAX_WORK_GROUP_SIZE", "5000"),
            ("ISOCL_LOCAL_MEMORY", "100"),
            ("ISOCL_MAX_ALLOCATION", "1"),
            ("ISOCL_CACHE", "here"),
            ("ISOCL_LOG", "yes"),
        ]);
        assert_eq!(complaints.len(), 12);
        assert_eq!(config, read(&[]).0);
    }

    #[test]
    fn the_cache_is_where_caches_are_or_nowhere() {
        let cache = |pairs: &[(&str, &str)]| read(pairs).0.cache;
        assert_eq!(cache(&[]), None);
        assert_eq!(
            cache(&[("HOME", "/home/a")]),
            Some("/home/a/.cache/isocl".into())
        );
        let both = [("HOME", "/home/a"), ("XDG_CACHE_HOME", "/caches")];
        assert_eq!(cache(&both), Some("/caches/isocl".into()));
        assert_eq!(cache(&[("HOME", "relative")]), None);
        assert_eq!(cache(&[("HOME", "/home/a"), ("ISOCL_CACHE", "off")]), None);
    }

    #[test]
    fn the_table_names_each_variable_once() {
        let mut names: Vec<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), VARIABLES.len());
        assert!(names.iter().all(|name| name.starts_with("ISOCL_")));
    }
}
