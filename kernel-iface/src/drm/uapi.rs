//! The calls of `drm.h` and `drm_mode.h` that every DRM driver with dumb buffers answers.
#![allow(unsafe_code)]

use crate::sys::DriverCall;

/// `_IOWR('d', number, type)`
const fn number<T>(number: u64) -> u64 {
    3 << 30 | (size_of::<T>() as u64) << 16 | (b'd' as u64) << 8 | number
}

macro_rules! call {
    ($name:ident, $number:expr, $operation:expr, { $($field:ident: $type:ty,)* }) => {
        #[repr(C)]
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        // SAFETY: the layout of the structure in the kernel's header, which a test compares; the
        // lengths of strings that `Version` could ask for are 0.
        unsafe impl DriverCall for $name {
            const NUMBER: u64 = number::<Self>($number);
            const OPERATION: &'static str = $operation;
        }
    };
}

call!(Version, 0x00, "ask a DRM driver for its version", {
    major: i32,
    minor: i32,
    patch_level: i32,
    name_length: usize,
    name: u64,
    date_length: usize,
    date: u64,
    description_length: usize,
    description: u64,
});

call!(CreateDumb, 0xB2, "create a dumb buffer of the DRM driver", {
    height: u32,
    width: u32,
    bits_per_pixel: u32,
    flags: u32,
    handle: u32,
    pitch: u32,
    size: u64,
});

call!(MapDumb, 0xB3, "ask a DRM driver where to map a dumb buffer", {
    handle: u32,
    pad: u32,
    offset: u64,
});

call!(DestroyDumb, 0xB4, "destroy a dumb buffer of the DRM driver", {
    handle: u32,
});

/// Takes no argument.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct DropMaster {}

// SAFETY: the driver touches nothing.
unsafe impl DriverCall for DropMaster {
    /// `_IO('d', 0x1f)`
    const NUMBER: u64 = (b'd' as u64) << 8 | 0x1F;
    const OPERATION: &'static str = "leave displays to others";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that the kernel's headers give.
    #[test]
    fn numbers_are_the_kernels() {
        assert_eq!(Version::NUMBER, 0xC040_6400);
        assert_eq!(CreateDumb::NUMBER, 0xC020_64B2);
        assert_eq!(MapDumb::NUMBER, 0xC010_64B3);
        assert_eq!(DestroyDumb::NUMBER, 0xC004_64B4);
        assert_eq!(DropMaster::NUMBER, 0x641F);
    }
}
