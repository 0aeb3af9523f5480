//! The platform (§4.1): the one process-wide object, which knows the devices.

use std::sync::{Arc, OnceLock};

use isocl_compiler_interface::features::Feature;

use crate::device::{cpu, Device};
use crate::flags::DeviceType;
use crate::{ApiSlot, Error, ErrorCode, Result};

/// `CL_DEVICE_TYPE_ALL`, which stands for every device that is not custom.
const DEVICE_TYPE_ALL: u64 = 0xFFFF_FFFF;

/// The platform (`cl_platform_id`).
#[derive(Debug, Default)]
pub struct Platform {
    /// Handle of the C boundary.
    pub api_slot: ApiSlot,
    devices: OnceLock<Vec<Arc<Device>>>,
}

impl Platform {
    /// The platform of this process. Devices are looked for when they are asked for.
    pub fn get() -> &'static Self {
        static PLATFORM: OnceLock<Platform> = OnceLock::new();
        PLATFORM.get_or_init(Self::default)
    }

    /// All devices, the default device first. A device that cannot be set up is left out, with a
    /// line in the log.
    pub fn devices(&self) -> &[Arc<Device>] {
        self.devices.get_or_init(|| match cpu::create() {
            Ok(device) => vec![device],
            Err(error) => {
                crate::log::error("clGetDeviceIDs", &error);
                Vec::new()
            }
        })
    }

    /// The devices of the types in `device_type`, a bit field with the values of
    /// `cl_device_type` (`clGetDeviceIDs`).
    ///
    /// # Errors
    /// `InvalidDeviceType` when the value names no type, `DeviceNotFound` when there is no device
    /// of these types.
    pub fn get_device_ids(&self, device_type: u64) -> Result<Vec<Arc<Device>>> {
        // CL_INVALID_DEVICE_TYPE: device_type is not a valid value.
        let types = if device_type == DEVICE_TYPE_ALL {
            DeviceType::all() - DeviceType::CUSTOM
        } else {
            DeviceType::from_bits(device_type)
                .filter(|types| !types.is_empty())
                .ok_or_else(|| {
                    Error::new(
                        ErrorCode::InvalidDeviceType,
                        "device_type names no device type",
                    )
                })?
        };
        let found: Vec<_> = self
            .devices()
            .iter()
            .enumerate()
            .filter(|(index, device)| {
                types.intersects(device.info.device_type)
                    || (types.contains(DeviceType::DEFAULT) && *index == 0)
            })
            .map(|(_, device)| Arc::clone(device))
            .collect();
        // CL_DEVICE_NOT_FOUND: no device that matched device_type was found.
        if found.is_empty() {
            return Err(Error::new(
                ErrorCode::DeviceNotFound,
                "the platform has no device of this type",
            ));
        }
        Ok(found)
    }

    /// `CL_PLATFORM_PROFILE`
    pub fn profile(&self) -> &'static str {
        "FULL_PROFILE"
    }

    /// `CL_PLATFORM_VERSION` and `CL_PLATFORM_NUMERIC_VERSION` as (major, minor)
    pub fn version(&self) -> (u32, u32) {
        (3, 0)
    }

    /// `CL_PLATFORM_NAME`
    pub fn name(&self) -> &'static str {
        "isocl"
    }

    /// `CL_PLATFORM_VENDOR`
    pub fn vendor(&self) -> &'static str {
        "isocl"
    }

    /// `CL_PLATFORM_ICD_SUFFIX_KHR`
    pub fn suffix(&self) -> &'static str {
        "ISOCL"
    }

    /// Extensions that all devices support (`CL_PLATFORM_EXTENSIONS`).
    pub fn extensions(&self) -> Vec<Feature> {
        let Some((first, others)) = self.devices().split_first() else {
            return Vec::new();
        };
        first
            .info
            .extensions
            .iter()
            .filter(|extension| {
                others
                    .iter()
                    .all(|device| device.info.extensions.contains(extension))
            })
            .copied()
            .collect()
    }

    /// `CL_PLATFORM_HOST_TIMER_RESOLUTION` in nanoseconds
    pub fn host_timer_resolution(&self) -> u64 {
        1
    }

    /// The host's time in nanoseconds (`clGetHostTimer`).
    pub fn host_timer(&self) -> u64 {
        cpu::clock::nanoseconds()
    }

    /// The time of `device` and of the host at one moment, in nanoseconds
    /// (`clGetDeviceAndHostTimer`).
    pub fn device_and_host_timer(&self, device: &Device) -> (u64, u64) {
        (device.backend.timestamp(), self.host_timer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_types_select_devices() {
        let platform = Platform::get();
        for all in [DEVICE_TYPE_ALL, 1, 2, 3, 2 | 4] {
            assert_eq!(platform.get_device_ids(all).unwrap().len(), 1, "{all:#x}");
        }
        for none in [4, 8, 16] {
            let error = platform.get_device_ids(none).unwrap_err();
            assert_eq!(error.code, ErrorCode::DeviceNotFound);
        }
        for invalid in [0, 32, 1 << 40, u64::MAX] {
            let error = platform.get_device_ids(invalid).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidDeviceType);
        }
    }

    #[test]
    fn the_platform_lists_the_loader_extension() {
        let extensions = Platform::get().extensions();
        assert!(extensions
            .iter()
            .any(|extension| extension.name == "cl_khr_icd"));
    }
}
