//! An implementation under test: where it is, and which of its devices is meant.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where an implementation is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Whatever the system's ICD loader finds.
    Installed,
    /// A folder of `.icd` files, or one such file.
    Vendors(PathBuf),
    /// A library: an ICD loader, or the implementation itself.
    Library(PathBuf),
}

/// An implementation under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation {
    /// What reports call it.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The ICD loader to use, if not the system's.
    pub loader: Option<PathBuf>,
    /// The platform, by number or part of its name, if not the first.
    pub platform: Option<String>,
    /// The device, by number or part of its name, if not the first.
    pub device: Option<String>,
}

/// What an implementation says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the platform.
    pub platform: String,
    /// Version of the platform.
    pub platform_version: String,
    /// Name of the device.
    pub device: String,
    /// Version of the device.
    pub device_version: String,
    /// Version of the driver.
    pub driver_version: String,
    /// What of shared virtual memory the device offers, in words.
    pub svm: Vec<String>,
}

impl Implementation {
    /// Reads `NAME=PATH` or `PATH`: a folder of `.icd` files, such a file, or a library.
    ///
    /// # Errors
    /// When there is nothing at the path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, path) = match text.split_once('=') {
            Some((name, path)) => (Some(name), Path::new(path)),
            None => (None, Path::new(text)),
        };
        let path = path
            .canonicalize()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.map_or_else(|| stem.trim_start_matches("lib").to_owned(), str::to_owned);
        let is_icd = path.extension().is_some_and(|extension| extension == "icd");
        Ok(Self {
            name,
            place: if is_icd || path.is_dir() {
                Place::Vendors(path)
            } else {
                Place::Library(path)
            },
            loader: None,
            platform: None,
            device: None,
        })
    }

    /// What the system's ICD loader finds.
    pub fn installed() -> Self {
        Self {
            name: "installed".into(),
            place: Place::Installed,
            loader: None,
            platform: None,
            device: None,
        }
    }

    /// What the environment of a process must hold for it to find this implementation.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = Vec::new();
        match &self.place {
            Place::Installed => {}
            Place::Vendors(path) => {
                variables.push(("OCL_ICD_VENDORS", folder_of(path).into_os_string()));
            }
            Place::Library(path) => variables.push(("ISOCL_LOADER", path.clone().into())),
        }
        if let Some(loader) = &self.loader {
            variables.push(("ISOCL_LOADER", loader.clone().into()));
        }
        let choices = [
            ("ISOCL_PLATFORM", &self.platform),
            ("ISOCL_DEVICE", &self.device),
        ];
        for (name, choice) in choices {
            variables.push((name, choice.as_deref().unwrap_or("0").into()));
        }
        variables
    }
}

/// The folder of an `.icd` file that is the only one there: some loaders take nothing but folders.
fn folder_of(path: &Path) -> PathBuf {
    let is_icd = |path: &Path| path.extension().is_some_and(|extension| extension == "icd");
    match path.parent() {
        Some(folder) if is_icd(path) => {
            let entries = folder.read_dir().into_iter().flatten().flatten();
            let files = entries.filter(|entry| is_icd(&entry.path())).count();
            (if files == 1 { folder } else { path }).to_owned()
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(variables: &[(&'static str, OsString)], name: &str) -> Option<String> {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        found.1.to_str().map(str::to_owned)
    }

    #[test]
    fn folders_files_and_libraries_are_told_apart() {
        let folder = std::env::temp_dir().join(format!("isocl-places-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let file = |name: &str| {
            std::fs::write(folder.join(name), "x").unwrap();
            folder.join(name).to_str().unwrap().to_owned()
        };
        let (icd, library) = (file("one.icd"), file("libother.so"));
        let alone = Implementation::parse(&icd).unwrap();
        assert_eq!(alone.name, "one");
        let folder_name = folder.to_str().unwrap().to_owned();
        assert_eq!(
            set(&alone.environment(), "OCL_ICD_VENDORS"),
            Some(folder_name.clone())
        );
        file("two.icd");
        assert_eq!(
            set(&alone.environment(), "OCL_ICD_VENDORS"),
            Some(icd.clone())
        );
        let named = Implementation::parse(&format!("mine={folder_name}")).unwrap();
        assert_eq!(
            (named.name.as_str(), named.place),
            ("mine", Place::Vendors(folder.clone()))
        );
        let mut other = Implementation::parse(&library).unwrap();
        assert_eq!(other.name, "other");
        assert_eq!(set(&other.environment(), "ISOCL_LOADER"), Some(library));
        other.device = Some("Pentium".into());
        assert_eq!(
            set(&other.environment(), "ISOCL_DEVICE"),
            Some("Pentium".into())
        );
        assert_eq!(
            set(&other.environment(), "ISOCL_PLATFORM"),
            Some("0".into())
        );
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Implementation::parse(&icd).is_err());
    }
}
