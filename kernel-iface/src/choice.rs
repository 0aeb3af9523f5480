//! Which driver memory comes from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chardev::Chardev;
use crate::driver::Driver;
use crate::drm::{CpuIsDevice, Drm};
use crate::emulator::Emulator;
use crate::profile::Profile;
use crate::{sys, Error, Result};

/// The node that is looked for when nobody names one.
pub const DEFAULT_NODE: &str = "/dev/isocl0";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The driver of [`DEFAULT_NODE`] if that opens, else the emulator.
    Automatic,
    /// The emulator.
    Emulator,
    /// The driver of this node.
    Node(PathBuf),
}

/// A driver, and a sentence about why it is not the one that was looked for.
#[derive(Debug)]
pub struct Opened {
    /// The driver.
    pub driver: Arc<dyn Driver>,
    /// Why it is the emulator although a node was looked for.
    pub note: Option<String>,
}

/// Opens the driver that `choice` names, with memory where `profile` wants it; the emulator where
/// there is no such driver.
pub fn open(choice: &Choice, profile: &Profile) -> Opened {
    let node = match choice {
        Choice::Emulator => return emulator(profile, None),
        Choice::Automatic => Path::new(DEFAULT_NODE),
        Choice::Node(node) => node,
    };
    match open_node(node, profile) {
        Ok(driver) => Opened { driver, note: None },
        Err(error) => {
            let note = format!(
                "{} is not used ({error}): memory comes from the emulator",
                node.display()
            );
            emulator(profile, Some(note))
        }
    }
}

fn open_node(node: &Path, profile: &Profile) -> Result<Arc<dyn Driver>> {
    match Chardev::open(node, profile) {
        Ok(driver) => Ok(Arc::new(driver)),
        Err(error) if error.errno == sys::ENOTTY => {
            match Drm::open(node, profile, Box::new(CpuIsDevice)) {
                Ok(driver) => Ok(Arc::new(driver)),
                Err(error) if error.errno == sys::ENOTTY => Err(Error::of_system(
                    "find isocl's or a DRM driver behind it",
                    sys::ENOTTY,
                )),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn emulator(profile: &Profile, note: Option<String>) -> Opened {
    Opened {
        driver: Arc::new(Emulator::new(profile)),
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_cannot_be_used_leaves_the_emulator_and_a_note_that_says_why() {
        for (node, why) in [
            ("/dev/isocl-missing", "No such file"),
            ("/dev/null", "a DRM driver behind it"),
            ("/dev", "Is a directory"),
            ("/dev/\0", "Invalid argument"),
        ] {
            let opened = open(&Choice::Node(node.into()), &Profile::default());
            assert_eq!(opened.driver.name(), "emulator");
            let note = opened.note.unwrap();
            assert!(note.starts_with(node), "{note}");
            assert!(note.contains(why) && note.contains("emulator"), "{note}");
        }
    }

    #[test]
    fn the_emulator_needs_no_note() {
        let opened = open(&Choice::Emulator, &Profile::with_address_bits(40));
        assert_eq!(opened.driver.name(), "emulator");
        assert_eq!(opened.driver.plan().end(), 1 << 40);
        assert!(opened.note.is_none());
    }
}
