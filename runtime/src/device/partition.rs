//! Sub-devices (§4.3): some of a device's compute units as a device of their own.

use std::sync::Arc;

use super::{Backend, Device};
use crate::{ApiSlot, Error, ErrorCode, Result};

/// `CL_DEVICE_PARTITION_EQUALLY`
pub const EQUALLY: isize = 0x1086;
/// `CL_DEVICE_PARTITION_BY_COUNTS`
pub const BY_COUNTS: isize = 0x1087;
/// `CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN`
pub const BY_AFFINITY_DOMAIN: isize = 0x1088;
/// `CL_DEVICE_AFFINITY_DOMAIN_NEXT_PARTITIONABLE`
const NEXT_PARTITIONABLE: u64 = 1 << 5;

/// What compute units may share, with the values of `cl_device_affinity_domain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub enum AffinityDomain {
    /// A memory node.
    Numa = 1,
    /// A level 4 data cache.
    L4Cache = 1 << 1,
    /// A level 3 data cache.
    L3Cache = 1 << 2,
    /// A level 2 data cache.
    L2Cache = 1 << 3,
    /// A level 1 data cache.
    L1Cache = 1 << 4,
}

impl AffinityDomain {
    /// All domains, in the order in which the next partitionable one is looked for.
    pub const ORDER: [Self; 5] = [
        Self::Numa,
        Self::L4Cache,
        Self::L3Cache,
        Self::L2Cache,
        Self::L1Cache,
    ];
}

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

/// What sub-devices consist of: numbers of compute units, and what runs on them.
type Parts = Vec<(u32, Arc<dyn Backend>)>;

fn invalid_value(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidValue, reason)
}

fn invalid_count(reason: &'static str) -> Error {
    Error::new(ErrorCode::InvalidDevicePartitionCount, reason)
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
    pub fn partition_kinds(&self) -> Vec<isize> {
        let mut kinds = Vec::new();
        if self.max_sub_devices() > 0 {
            kinds.extend([EQUALLY, BY_COUNTS]);
        }
        if self.affinity_domains() != 0 {
            kinds.push(BY_AFFINITY_DOMAIN);
        }
        kinds
    }

    /// The affinity domains that give at least two sub-devices
    /// (`CL_DEVICE_PARTITION_AFFINITY_DOMAIN`).
    pub fn affinity_domains(&self) -> u64 {
        let mut domains = 0;
        for domain in AffinityDomain::ORDER {
            if !self.backend.domains(domain).is_empty() {
                domains |= NEXT_PARTITIONABLE | domain as u64;
            }
        }
        domains
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
        let properties = properties.unwrap_or_default();
        let mut verbatim = properties.to_vec();
        let parts = match *properties {
            [EQUALLY, units] => self.parts_of(self.equal_counts(units)?),
            [BY_COUNTS, ref counts @ ..] => {
                // CL_DEVICE_PARTITION_BY_COUNTS_LIST_END
                verbatim.push(0);
                self.parts_of(self.given_counts(counts)?)
            }
            [BY_AFFINITY_DOMAIN, domain] => {
                let (domain, parts) = self.parts_by(domain.cast_unsigned() as u64)?;
                verbatim = vec![BY_AFFINITY_DOMAIN, domain as isize];
                parts
            }
            // CL_INVALID_VALUE: values specified in properties are not valid.
            _ => return Err(invalid_value("properties is no kind of partition")),
        };
        verbatim.push(0);
        let part = |(compute_units, backend)| {
            let mut info = self.info.clone();
            info.max_compute_units = compute_units;
            Arc::new(Self {
                info,
                backend,
                api_slot: ApiSlot::default(),
                partition: Some(Partition {
                    parent: Arc::clone(self),
                    properties: verbatim.clone(),
                }),
            })
        };
        Ok(parts.into_iter().map(part).collect())
    }

    fn parts_of(&self, counts: Counts) -> Parts {
        let part = |units| (units, self.backend.part(units));
        counts.into_iter().map(part).collect()
    }

    /// The parts by the affinity domain with this value, and the domain that was used.
    fn parts_by(&self, domain: u64) -> Result<(AffinityDomain, Parts)> {
        let wanted =
            |known: &AffinityDomain| domain == NEXT_PARTITIONABLE || domain == *known as u64;
        let mut domains = AffinityDomain::ORDER.into_iter().filter(wanted).peekable();
        // CL_INVALID_VALUE: values specified in properties are not valid.
        if domains.peek().is_none() {
            return Err(invalid_value("the value names no affinity domain"));
        }
        let parts = domains
            .map(|domain| (domain, self.backend.domains(domain)))
            .find(|(_, parts)| !parts.is_empty());
        match parts {
            Some(parts) => Ok(parts),
            // CL_DEVICE_PARTITION_FAILED: the partition name is supported by the implementation
            // but in_device could not be further partitioned.
            None if self.root().affinity_domains() & domain != 0 => Err(failed()),
            // CL_INVALID_VALUE: values specified in properties are valid but not supported by the
            // device.
            None => Err(invalid_value(
                "the device is not divided by this affinity domain",
            )),
        }
    }

    /// The root-level device that this is a part of, or this.
    fn root(&self) -> &Self {
        match &self.partition {
            Some(partition) => partition.parent.root(),
            None => self,
        }
    }

    fn equal_counts(&self, units: isize) -> Result<Counts> {
        let units = u32::try_from(units)
            .ok()
            .filter(|units| *units > 0)
            .ok_or_else(|| invalid_value("sub-devices have at least one compute unit"))?;
        let all = self.info.max_compute_units;
        // CL_INVALID_DEVICE_PARTITION_COUNT: the total number of compute units requested exceeds
        // CL_DEVICE_MAX_COMPUTE_UNITS.
        if units > all {
            return Err(invalid_count("there are not so many compute units"));
        }
        // CL_DEVICE_PARTITION_FAILED: the partition name is supported by the implementation but
        // in_device could not be further partitioned. A part is smaller than the whole.
        if units == all {
            return Err(failed());
        }
        let parts = all / units;
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
        if counts.len() > self.max_sub_devices() as usize {
            return Err(invalid_count("there are not so many sub-devices"));
        }
        let counts: Counts = counts
            .iter()
            .map(|count| u32::try_from(*count))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| invalid_count("a number of compute units is out of range"))?;
        let total = counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        if total > u64::from(self.info.max_compute_units) {
            return Err(invalid_count("there are not so many compute units"));
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_objects::{null_device_with, null_device_with_domains};

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
        assert_eq!(
            units(&device, &[EQUALLY, 8]),
            Err(ErrorCode::DevicePartitionFailed)
        );
        for wrong in [
            &[EQUALLY, 9][..],
            &[BY_COUNTS, 5, 4],
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

    #[test]
    fn affinity_domains_divide_where_the_machine_does() {
        let numa = AffinityDomain::Numa as isize;
        let l3 = AffinityDomain::L3Cache as isize;
        let l2 = AffinityDomain::L2Cache as isize;
        let next = NEXT_PARTITIONABLE as isize;
        let root = null_device_with_domains(vec![
            (AffinityDomain::L3Cache, vec![6, 2]),
            (AffinityDomain::L2Cache, vec![2; 4]),
        ]);
        assert_eq!(
            root.partition_kinds(),
            [EQUALLY, BY_COUNTS, BY_AFFINITY_DOMAIN]
        );
        assert_eq!(root.affinity_domains(), (next | l3 | l2) as u64);
        let by = |device: &Arc<Device>, domain| units(device, &[BY_AFFINITY_DOMAIN, domain]);
        assert_eq!(by(&root, l3), Ok(vec![6, 2]));
        assert_eq!(by(&root, l2), Ok(vec![2; 4]));
        assert_eq!(by(&root, next), Ok(vec![6, 2]));
        for wrong in [numa, 0, l3 | l2, 1 << 6, -1] {
            assert_eq!(by(&root, wrong), Err(ErrorCode::InvalidValue), "{wrong}");
        }
        // The parts tell which domain it was, and are not divided by it once more.
        for asked in [next, l3] {
            let parts = root.create_sub_devices(Some(&[BY_AFFINITY_DOMAIN, asked]));
            let part = &parts.unwrap()[0];
            let partition = part.partition.as_ref().unwrap();
            assert_eq!(partition.properties, [BY_AFFINITY_DOMAIN, l3, 0]);
            assert_eq!(part.affinity_domains(), 0);
            assert_eq!(by(part, l3), Err(ErrorCode::DevicePartitionFailed));
            assert_eq!(by(part, next), Err(ErrorCode::DevicePartitionFailed));
            assert_eq!(by(part, numa), Err(ErrorCode::InvalidValue));
        }
        let undivided = null_device_with_domains(Vec::new());
        assert_eq!(undivided.partition_kinds(), [EQUALLY, BY_COUNTS]);
        assert_eq!(by(&undivided, next), Err(ErrorCode::InvalidValue));
    }
}
