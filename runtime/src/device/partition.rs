//! Sub-devices (§4.3): some of a device's compute units as a device of their own.

use std::sync::Arc;

use super::Device;
use crate::{ApiSlot, Error, ErrorCode, Result};

/// `CL_DEVICE_PARTITION_EQUALLY`
pub const EQUALLY: isize = 0x1086;
/// `CL_DEVICE_PARTITION_BY_COUNTS`
pub const BY_COUNTS: isize = 0x1087;
/// `CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN`
pub const BY_AFFINITY_DOMAIN: isize = 0x1088;

/// Where a sub-device comes from.
#[derive(Debug)]
pub struct Partition {
    /// The device that was partitioned.
    pub parent: Arc<Device>,
    /// `CL_DEVICE_PARTITION_TYPE`: the properties it was partitioned with, with the zero at the
    /// end.
    pub properties: Vec<isize>,
}

/// The compute units of each of several sub-devices.
type Counts = Vec<u32>;

fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

fn failed() -> Error {
    Error::new(
        ErrorCode::DevicePartitionFailed,
        "the device has too few compute units",
    )
}

impl Device {
    /// How many sub-devices it can be partitioned into at most: its compute units, or none if they
    /// are not enough for two (`CL_DEVICE_PARTITION_MAX_SUB_DEVICES`).
    pub fn max_sub_devices(&self) -> u32 {
        match self.info.max_compute_units {
            0 | 1 => 0,
            units => units,
        }
    }

    /// The kinds of partition that give at least two sub-devices
    /// (`CL_DEVICE_PARTITION_PROPERTIES`).
    pub fn partition_kinds(&self) -> &'static [isize] {
        if self.max_sub_devices() > 0 {
            &[EQUALLY, BY_COUNTS]
        } else {
            &[]
        }
    }

    /// Divides the device (`clCreateSubDevices`). `properties` is the application's list up to its
    /// zero, or for counts up to the zero that ends them; nothing stands for a missing list.
    ///
    /// # Errors
    /// `InvalidValue`, `DevicePartitionFailed`, `InvalidDevicePartitionCount` as §4.3 lists them.
    pub fn create_sub_devices(
        self: &Arc<Self>,
        properties: Option<&[isize]>,
    ) -> Result<Vec<Arc<Self>>> {
        let counts = self.counts_of(properties.unwrap_or_default())?;
        let mut verbatim = properties.unwrap_or_default().to_vec();
        if verbatim.first() == Some(&BY_COUNTS) {
            // CL_DEVICE_PARTITION_BY_COUNTS_LIST_END
            verbatim.push(0);
        }
        verbatim.push(0);
        let part = |units: &u32| {
            let mut info = self.info.clone();
            info.max_compute_units = *units;
            Arc::new(Self {
                info,
                backend: self.backend.part(*units),
                api_slot: ApiSlot::default(),
                partition: Some(Partition {
                    parent: Arc::clone(self),
                    properties: verbatim.clone(),
                }),
            })
        };
        Ok(counts.iter().map(part).collect())
    }

    fn counts_of(&self, properties: &[isize]) -> Result<Counts> {
        match *properties {
            [EQUALLY, units] => self.equal_counts(units),
            [BY_COUNTS, ref counts @ ..] => self.given_counts(counts),
            // CL_INVALID_VALUE: values specified in properties are valid but not supported by the
            // device.
            [BY_AFFINITY_DOMAIN, ..] => Err(invalid_value(
                "the device has one affinity domain and is not partitioned by it",
            )),
            // CL_INVALID_VALUE: values specified in properties are not valid.
            _ => Err(invalid_value("properties is no kind of partition")),
        }
    }

    fn equal_counts(&self, units: isize) -> Result<Counts> {
        let units = u32::try_from(units)
            .ok()
            .filter(|units| *units > 0)
            .ok_or_else(|| invalid_value("sub-devices have at least one compute unit"))?;
        // CL_DEVICE_PARTITION_FAILED: the partition name is supported by the implementation but
        // in_device could not be further partitioned. A part is smaller than the whole.
        if units >= self.info.max_compute_units {
            return Err(failed());
        }
        let parts = self.info.max_compute_units / units;
        Ok(vec![units; parts as usize])
    }

    fn given_counts(&self, counts: &[isize]) -> Result<Counts> {
        if counts.is_empty() {
            return Err(invalid_value("the list of counts is empty"));
        }
        if self.max_sub_devices() == 0 {
            return Err(failed());
        }
        // CL_INVALID_DEVICE_PARTITION_COUNT: the number of sub-devices requested exceeds
        // CL_DEVICE_PARTITION_MAX_SUB_DEVICES, or the total number of compute units requested
        // exceeds CL_DEVICE_MAX_COMPUTE_UNITS, or one of the numbers is less than zero.
        let wrong = |reason| Error::new(ErrorCode::InvalidDevicePartitionCount, reason);
        if counts.len() > self.max_sub_devices() as usize {
            return Err(wrong("there are not so many sub-devices"));
        }
        let counts: Counts = counts
            .iter()
            .map(|count| u32::try_from(*count))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| wrong("a number of compute units is out of range"))?;
        let total = counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        if total > u64::from(self.info.max_compute_units) {
            return Err(wrong("there are not so many compute units"));
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_objects::null_device_with;

    fn device(units: u32) -> Arc<Device> {
        null_device_with(|info| info.max_compute_units = units)
    }

    fn units(
        device: &Arc<Device>,
        properties: &[isize],
    ) -> std::result::Result<Vec<u32>, ErrorCode> {
        let parts = device.create_sub_devices(Some(properties));
        let units = |part: &Arc<Device>| part.info.max_compute_units;
        parts
            .map(|parts| parts.iter().map(units).collect())
            .map_err(|error| error.code)
    }

    #[test]
    fn units_are_divided_equally_or_as_counted() {
        let device = device(8);
        assert_eq!(units(&device, &[EQUALLY, 3]), Ok(vec![3, 3]));
        assert_eq!(units(&device, &[EQUALLY, 1]), Ok(vec![1; 8]));
        assert_eq!(units(&device, &[EQUALLY, 5]), Ok(vec![5]));
        assert_eq!(units(&device, &[BY_COUNTS, 3, 1]), Ok(vec![3, 1]));
        assert_eq!(units(&device, &[BY_COUNTS, 8]), Ok(vec![8]));
    }

    #[test]
    fn what_cannot_be_divided_has_its_code() {
        let device = device(8);
        for wrong in [
            &[][..],
            &[EQUALLY],
            &[EQUALLY, 0],
            &[EQUALLY, -1],
            &[EQUALLY, 1, EQUALLY, 1],
            &[BY_COUNTS],
            &[BY_AFFINITY_DOMAIN, 1],
            &[0x1234, 1],
        ] {
            assert_eq!(
                units(&device, wrong),
                Err(ErrorCode::InvalidValue),
                "{wrong:?}"
            );
        }
        assert_eq!(
            device.create_sub_devices(None).unwrap_err().code,
            ErrorCode::InvalidValue
        );
        for too_many in [8, 9] {
            assert_eq!(
                units(&device, &[EQUALLY, too_many]),
                Err(ErrorCode::DevicePartitionFailed)
            );
        }
        for wrong in [
            &[BY_COUNTS, 5, 4][..],
            &[BY_COUNTS, -1],
            &[BY_COUNTS, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        ] {
            let code = Err(ErrorCode::InvalidDevicePartitionCount);
            assert_eq!(units(&device, wrong), code, "{wrong:?}");
        }
    }

    #[test]
    fn a_sub_device_knows_its_parent_and_is_divided_further() {
        let root = device(8);
        assert!(root.partition.is_none());
        let halves = root.create_sub_devices(Some(&[EQUALLY, 4])).unwrap();
        let partition = halves[1].partition.as_ref().unwrap();
        assert!(Arc::ptr_eq(&partition.parent, &root));
        assert_eq!(partition.properties, [EQUALLY, 4, 0]);
        let ones = halves[1]
            .create_sub_devices(Some(&[BY_COUNTS, 1, 1]))
            .unwrap();
        let partition = ones[0].partition.as_ref().unwrap();
        assert!(Arc::ptr_eq(&partition.parent, &halves[1]));
        assert_eq!(partition.properties, [BY_COUNTS, 1, 1, 0, 0]);
        assert!(ones[0].partition_kinds().is_empty());
        assert_eq!(
            units(&ones[0], &[EQUALLY, 1]),
            Err(ErrorCode::DevicePartitionFailed)
        );
    }
}
