//! Program binaries as applications keep them (`CL_PROGRAM_BINARIES`): what the compiler made, and
//! what the runtime has to know of it.

use isocl_compiler_interface::message::{decode, encode, BinaryKind};

use crate::{Error, ErrorCode, Result};

/// First bytes of a binary, with the version of its layout.
const MAGIC: &[u8; 8] = b"isoclpb1";

/// Bytes of the checksum behind the magic.
const CHECKSUM: usize = 8;

/// A compiled or linked program for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProgramBinary {
    /// What it may be used for.
    pub kind: BinaryKind,
    /// Whether its kernels need work-groups of one size (§5.10).
    pub uniform_work_groups: bool,
    /// Options it was made with.
    pub options: String,
    /// The compiler's bytes.
    pub code: Vec<u8>,
}

impl ProgramBinary {
    /// As bytes for the application.
    ///
    /// # Errors
    /// `OutOfHostMemory`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let content = (
            self.kind,
            self.uniform_work_groups,
            &self.options,
            &self.code,
        );
        let content = encode(&content).map_err(|error| {
            Error::new(
                ErrorCode::OutOfHostMemory,
                format!("a program has no encoding: {error}"),
            )
        })?;
        let mut bytes = Vec::with_capacity(MAGIC.len() + CHECKSUM + content.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&checksum(&content).to_le_bytes());
        bytes.extend_from_slice(&content);
        Ok(bytes)
    }

    /// From the application's bytes.
    ///
    /// # Errors
    /// `InvalidBinary` when [`Self::to_bytes`] of this version did not make them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let invalid = || {
            Error::new(
                ErrorCode::InvalidBinary,
                "the bytes are no program binary of this version, or damaged",
            )
        };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(invalid)?;
        let (expected, content) = rest.split_at_checked(CHECKSUM).ok_or_else(invalid)?;
        if checksum(content).to_le_bytes() != expected {
            return Err(invalid());
        }
        let (kind, uniform_work_groups, options, code) = decode(content).map_err(|_| invalid())?;
        Ok(Self {
            kind,
            uniform_work_groups,
            options,
            code,
        })
    }

    /// `CL_PROGRAM_BINARY_TYPE`
    pub fn binary_type(&self) -> u32 {
        match self.kind {
            BinaryKind::CompiledObject => 1,
            BinaryKind::Library => 2,
            BinaryKind::Executable => 4,
        }
    }
}

/// FNV-1a over words of eight bytes; finds damage, proves nothing.
fn checksum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(0xCBF2_9CE4_8422_2325 ^ bytes.len() as u64, |hash, word| {
        (hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> ProgramBinary {
        ProgramBinary {
            kind: BinaryKind::Library,
            uniform_work_groups: true,
            options: "-cl-std=CL3.0 -D X=1".to_owned(),
            code: (0..=255).collect(),
        }
    }

    #[test]
    fn bytes_lead_back_to_the_binary() {
        let bytes = example().to_bytes().unwrap();
        assert_eq!(ProgramBinary::from_bytes(&bytes).unwrap(), example());
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let bytes = example().to_bytes().unwrap();
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 0x10;
            let error = ProgramBinary::from_bytes(&damaged).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidBinary, "byte {index}");
            assert!(
                ProgramBinary::from_bytes(&bytes[..index]).is_err(),
                "{index} bytes"
            );
        }
    }
}
