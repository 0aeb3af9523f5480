//! The bytes an application gets from `CL_PROGRAM_BINARIES`: a header, a checksum, bitcode.

use isocl_compiler_interface::message::{BinaryKind, BINARY_VERSION};

use crate::error::Error;

const MAGIC: &[u8; 8] = b"ISOCLBIN";
const HEADER_BYTES: usize = 24;

/// Wraps bitcode.
pub fn encode(kind: BinaryKind, bitcode: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + bitcode.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&BINARY_VERSION.to_le_bytes());
    let kind = match kind {
        BinaryKind::CompiledObject => 1u32,
        BinaryKind::Library => 2,
        BinaryKind::Executable => 3,
    };
    bytes.extend_from_slice(&kind.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(bitcode).to_le_bytes());
    bytes.extend_from_slice(&(bitcode.len() as u32).to_le_bytes());
    bytes.extend_from_slice(bitcode);
    bytes
}

/// Checks and unwraps; the second part is the bitcode.
///
/// # Errors
/// [`Error::Binary`] says what is wrong with the bytes.
pub fn decode(bytes: &[u8]) -> Result<(BinaryKind, &[u8]), Error> {
    let wrong =
        |reason: &str| Error::Binary(format!("this is no program binary of isocl: {reason}"));
    let header = bytes
        .get(..HEADER_BYTES)
        .ok_or_else(|| wrong("it is too short"))?;
    let word = |at: usize| {
        header
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_le_bytes)
    };
    if !header.starts_with(MAGIC) {
        return Err(wrong("it does not begin like one"));
    }
    if word(8) != BINARY_VERSION {
        return Err(wrong("it is of another version"));
    }
    let kind = match word(12) {
        1 => BinaryKind::CompiledObject,
        2 => BinaryKind::Library,
        3 => BinaryKind::Executable,
        _ => return Err(wrong("its kind is unknown")),
    };
    let bitcode = bytes.get(HEADER_BYTES..).unwrap_or_default();
    if bitcode.len() != word(20) as usize || crc32fast::hash(bitcode) != word(16) {
        return Err(wrong("it is damaged"));
    }
    Ok((kind, bitcode))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A compiler that has other host functions could not link what refers to them.
    #[test]
    fn the_version_changes_with_the_host_functions() {
        let mut hasher = crc32fast::Hasher::new();
        for function in crate::host_math::host_functions() {
            hasher.update(function.name.as_bytes());
        }
        let version = hasher.finalize();
        assert_eq!(BINARY_VERSION, version, "set it to {version:#x}");
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for kind in [
            BinaryKind::CompiledObject,
            BinaryKind::Library,
            BinaryKind::Executable,
        ] {
            let bytes = encode(kind, b"bitcode");
            assert_eq!(decode(&bytes).unwrap(), (kind, b"bitcode".as_slice()));
        }
    }

    #[test]
    fn every_damaged_byte_and_every_cut_is_noticed() {
        let good = encode(BinaryKind::Executable, b"some bitcode");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(decode(&bad).is_err(), "byte {at}");
            assert!(decode(&good[..at]).is_err(), "cut at {at}");
        }
    }
}
