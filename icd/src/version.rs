//! Versions as the C interface packs them (§4.2, `cl_version`).

/// `CL_MAKE_VERSION`: ten bits of major, ten of minor, twelve of patch.
pub(crate) const fn version(major: u32, minor: u32, patch: u32) -> u32 {
    (major & 0x3FF) << 22 | (minor & 0x3FF) << 12 | (patch & 0xFFF)
}

/// The text of `CL_PLATFORM_VERSION` and `CL_DEVICE_VERSION`.
pub(crate) fn version_text((major, minor): (u32, u32)) -> String {
    format!("OpenCL {major}.{minor} isocl {}", env!("CARGO_PKG_VERSION"))
}
