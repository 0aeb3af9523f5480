//! The kernel driver seen from beside the OpenCL implementation: the node that it has open, and
//! what the device behind it sees in its own page table.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io::{Error, Result};
use std::path::Path;

/// Address space from `start` up to, not including, `end`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
}

/// What the device decodes: `struct isocl_query`.
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u32,
    abi_version: u32,
    address_bits: u32,
    page_shift: u32,
    features: u64,
    aperture: Region,
    max_buffer_length: u64,
    memory_limit: u64,
    reserved: u64,
    reserved_count: u32,
    pad: u32,
}

#[repr(C)]
#[derive(Default)]
struct Operation {
    opcode: u32,
    function: u32,
    width: u32,
    data_length: u32,
    destination: u64,
    source: u64,
    length: u64,
    operand: u64,
    compare: u64,
    data: u64,
}

#[repr(C)]
#[derive(Default)]
struct Submit {
    size: u32,
    count: u32,
    ops: u64,
    op_size: u32,
    pad: u32,
    sequence: u64,
}

#[repr(C)]
#[derive(Default)]
struct Wait {
    size: u32,
    status: i32,
    sequence: u64,
    deadline: u64,
}

/// `struct isocl_statistics`, of the open file.
#[allow(missing_docs)]
#[repr(C)]
#[derive(Debug, Default, Clone, Copy)]
pub struct Statistics {
    size: u32,
    scope: u32,
    pub files: u64,
    pub buffers: u64,
    pub pages: u64,
    pub device_entries: u64,
    pub mirrors: u64,
    pub submissions: u64,
    pub cpu_faults: u64,
    pub device_faults: u64,
    pub fault_records: u64,
    pub invalidations: u64,
    pub search_steps: u64,
}

const QUERY: u64 = 0xD100;
const SUBMIT: u64 = 0xD109;
const WAIT: u64 = 0xD10A;
const STATISTICS: u64 = 0xD10C;
const CHASE: u32 = 4;

/// The aperture and the reserved regions of the device.
pub struct Aperture {
    /// Where buffers may lie.
    pub range: Region,
    /// But not there.
    pub reserved: Vec<Region>,
    /// Bits of an address that the device decodes.
    pub address_bits: u32,
}

/// The node as this process has it open.
pub struct OpenNode {
    file: i32,
}

impl OpenNode {
    /// The descriptor of `node` that somebody in this process, the OpenCL implementation that is,
    /// has opened.
    pub fn of_this_process(node: &Path) -> Option<Self> {
        let open = std::fs::read_dir("/proc/self/fd").ok()?;
        open.flatten().find_map(|entry| {
            let target = std::fs::read_link(entry.path()).ok()?;
            let file = entry.file_name().to_str()?.parse().ok()?;
            (target == node).then_some(Self { file })
        })
    }

    fn call<T>(&self, command: u64, argument: &mut T) -> Result<()> {
        // SAFETY: `argument` is the structure that the driver's interface gives this command, with
        // its size in front; the driver checks everything else.
        let result = unsafe {
            libc::ioctl(
                self.file,
                command,
                std::ptr::from_mut(argument).cast::<c_void>(),
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(Error::last_os_error())
        }
    }

    /// What the device decodes.
    ///
    /// # Errors
    /// What the driver says.
    pub fn aperture(&self) -> Result<Aperture> {
        let mut reserved = [Region::default(); 16];
        let mut query = Query {
            size: size_of::<Query>() as u32,
            reserved: reserved.as_mut_ptr() as u64,
            reserved_count: reserved.len() as u32,
            ..Query::default()
        };
        self.call(QUERY, &mut query)?;
        Ok(Aperture {
            range: query.aperture,
            reserved: reserved[..query.reserved_count as usize].to_vec(),
            address_bits: query.address_bits,
        })
    }

    /// What exists and has happened on this open file.
    ///
    /// # Errors
    /// What the driver says.
    pub fn statistics(&self) -> Result<Statistics> {
        let mut statistics = Statistics {
            size: size_of::<Statistics>() as u32,
            ..Statistics::default()
        };
        self.call(STATISTICS, &mut statistics)?;
        Ok(statistics)
    }

    /// Has the device walk from the node at `first`, by its own page table: each node is an
    /// address of the next and a value. Writes the sum of the values, the number of nodes and the
    /// address of the last node to `result`.
    ///
    /// # Errors
    /// What the driver says; `EFAULT` when the device could not reach a node.
    pub fn chase(&self, first: u64, longest: u64, result: u64) -> Result<()> {
        let operation = Operation {
            opcode: CHASE,
            destination: result,
            source: first,
            length: longest,
            operand: 8,
            compare: 0,
            ..Operation::default()
        };
        let mut submit = Submit {
            size: size_of::<Submit>() as u32,
            count: 1,
            ops: &raw const operation as u64,
            op_size: size_of::<Operation>() as u32,
            ..Submit::default()
        };
        self.call(SUBMIT, &mut submit)?;
        let mut wait = Wait {
            size: size_of::<Wait>() as u32,
            sequence: submit.sequence,
            deadline: u64::MAX,
            ..Wait::default()
        };
        self.call(WAIT, &mut wait)?;
        if wait.status == 0 {
            Ok(())
        } else {
            Err(Error::from_raw_os_error(-wait.status))
        }
    }
}

/// One line of `/proc/self/maps`.
#[derive(Debug, Clone)]
pub struct ProcessMapping {
    /// First address.
    pub start: usize,
    /// Address after the last.
    pub end: usize,
    /// The file that is mapped; empty for memory without one.
    pub path: String,
}

/// What is mapped in this process.
///
/// # Errors
/// When the system does not tell.
pub fn process_map() -> Result<Vec<ProcessMapping>> {
    let parse = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        Some(ProcessMapping {
            start: usize::from_str_radix(start, 16).ok()?,
            end: usize::from_str_radix(end, 16).ok()?,
            path: fields.nth(4).unwrap_or_default().to_owned(),
        })
    };
    let text = std::fs::read_to_string("/proc/self/maps")?;
    Ok(text.lines().filter_map(parse).collect())
}

/// Forbids writing to a whole mapping.
///
/// # Errors
/// What the system says.
pub fn forbid_writing(mapping: &ProcessMapping) -> Result<()> {
    // SAFETY: only the protection changes; who writes there afterwards is what is tested.
    let result = unsafe {
        libc::mprotect(
            mapping.start as *mut c_void,
            mapping.end - mapping.start,
            libc::PROT_READ,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Error::last_os_error())
    }
}
