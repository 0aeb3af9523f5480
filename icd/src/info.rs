//! The protocol of all queries: `param_value_size`, `param_value`, `param_value_size_ret`.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::marker::PhantomData;

use isocl_runtime::{Error, ErrorCode, Feature, Result};

use crate::abi::{cl_name_version, CL_NAME_VERSION_MAX_NAME_SIZE};
use crate::decode::Out;
use crate::version::version;

/// Where the answer of a query goes. Answering consumes it, so there is one answer.
pub(crate) struct InfoWriter<'a> {
    size: usize,
    value: *mut u8,
    size_ret: Out<'a, usize>,
    call: PhantomData<&'a mut u8>,
}

/// Proof that a query was answered.
pub(crate) struct Answered(());

impl InfoWriter<'_> {
    /// # Safety
    /// `value` is null or points to `size` writable bytes, `size_ret` is null or points to a
    /// `size_t`, both during the call.
    pub unsafe fn new(size: usize, value: *mut c_void, size_ret: *mut usize) -> Self {
        Self {
            size,
            value: value.cast(),
            // SAFETY: the caller's contract.
            size_ret: unsafe { Out::new(size_ret) },
            call: PhantomData,
        }
    }

    /// The application's buffer as it is, for a query whose answer goes to places named in it.
    pub fn size_and_value(&self) -> (usize, *mut c_void) {
        (self.size, self.value.cast())
    }

    /// Answers with bytes.
    ///
    /// # Errors
    /// `InvalidValue` when there is a place and the answer does not fit.
    pub fn bytes(self, answer: &[u8]) -> Result<Answered> {
        if !self.value.is_null() {
            // CL_INVALID_VALUE: size in bytes specified by param_value_size is < size of return
            // type and param_value is not NULL.
            self.check(answer.len())?;
            // SAFETY: `new`'s contract, and the answer fits.
            unsafe {
                self.value
                    .copy_from_nonoverlapping(answer.as_ptr(), answer.len())
            };
        }
        Ok(self.only_size(answer.len()))
    }

    /// Says that the answer has `len` bytes, which are already where they belong or not wanted.
    pub fn only_size(self, len: usize) -> Answered {
        self.size_ret.write_if_wanted(len);
        Answered(())
    }

    /// Checks that there is room for `len` bytes.
    ///
    /// # Errors
    /// `InvalidValue` when there is not.
    pub fn check(&self, len: usize) -> Result<()> {
        if self.size < len {
            return Err(Error::new(
                ErrorCode::InvalidValue,
                format!(
                    "param_value_size is {} and the answer has {len} bytes",
                    self.size
                ),
            ));
        }
        Ok(())
    }

    /// Answers with one number or handle.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn value(self, answer: impl Scalar) -> Result<Answered> {
        let (bytes, len) = answer.to_bytes();
        self.bytes(&bytes[..len])
    }

    /// Answers with a truth value.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn boolean(self, answer: bool) -> Result<Answered> {
        self.value(u32::from(answer))
    }

    /// Answers with a string, which gets a zero at its end.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn text(self, answer: &(impl AsRef<[u8]> + ?Sized)) -> Result<Answered> {
        let answer = answer.as_ref();
        let mut bytes = Vec::with_capacity(answer.len() + 1);
        bytes.extend_from_slice(answer);
        bytes.push(0);
        self.bytes(&bytes)
    }

    /// Answers with an array.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn list<S: Scalar>(self, answer: impl IntoIterator<Item = S>) -> Result<Answered> {
        let mut bytes = Vec::new();
        for element in answer {
            let (element, len) = element.to_bytes();
            bytes.extend_from_slice(&element[..len]);
        }
        self.bytes(&bytes)
    }

    /// Answers with the names of extensions, separated by spaces.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn extensions(self, features: &[Feature]) -> Result<Answered> {
        let names: Vec<_> = features.iter().map(|feature| feature.name).collect();
        self.text(&names.join(" "))
    }

    /// Answers with an array of names with versions.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn names_with_version<'n>(
        self,
        names: impl IntoIterator<Item = (&'n str, (u32, u32, u32))>,
    ) -> Result<Answered> {
        let mut bytes = Vec::new();
        for (name, (major, minor, patch)) in names {
            bytes.extend_from_slice(&version(major, minor, patch).to_ne_bytes());
            let mut field = [0; CL_NAME_VERSION_MAX_NAME_SIZE];
            let len = name.len().min(field.len() - 1);
            field[..len].copy_from_slice(&name.as_bytes()[..len]);
            bytes.extend_from_slice(&field);
        }
        debug_assert!(bytes.len().is_multiple_of(size_of::<cl_name_version>()));
        self.bytes(&bytes)
    }
}

/// A number or handle as C has it in memory.
pub(crate) trait Scalar {
    /// The bytes, and how many of them count.
    fn to_bytes(self) -> ([u8; 8], usize);
}

impl Scalar for u32 {
    fn to_bytes(self) -> ([u8; 8], usize) {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.to_ne_bytes());
        (bytes, 4)
    }
}

impl Scalar for i32 {
    fn to_bytes(self) -> ([u8; 8], usize) {
        self.cast_unsigned().to_bytes()
    }
}

impl Scalar for u64 {
    fn to_bytes(self) -> ([u8; 8], usize) {
        (self.to_ne_bytes(), 8)
    }
}

impl Scalar for usize {
    fn to_bytes(self) -> ([u8; 8], usize) {
        (self.to_ne_bytes(), 8)
    }
}

impl Scalar for *mut c_void {
    fn to_bytes(self) -> ([u8; 8], usize) {
        (self as usize).to_bytes()
    }
}

/// The error for a query that does not exist.
pub(crate) fn unknown_name<T>(param_name: u32) -> Result<T> {
    // CL_INVALID_VALUE: param_name is not one of the supported values.
    Err(Error::new(
        ErrorCode::InvalidValue,
        format!("param_name {param_name:#x} is not known"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(size: usize, answer: &str) -> (Result<()>, [u8; 4], usize) {
        let (mut value, mut size_ret) = ([0xAA; 4], 77);
        // SAFETY: both live on; `size` is at most 4.
        let writer = unsafe { InfoWriter::new(size, value.as_mut_ptr().cast(), &mut size_ret) };
        let result = writer.text(answer).map(|_| ());
        (result, value, size_ret)
    }

    #[test]
    fn answers_fit_or_are_refused_untouched() {
        assert_eq!(ask(4, "abc"), (Ok(()), *b"abc\0", 4));
        assert_eq!(ask(3, "a"), (Ok(()), [b'a', 0, 0xAA, 0xAA], 2));
        let (result, value, size_ret) = ask(3, "abc");
        assert_eq!(result.unwrap_err().code, ErrorCode::InvalidValue);
        assert_eq!((value, size_ret), ([0xAA; 4], 77));
    }

    #[test]
    fn the_size_alone_can_be_asked_for() {
        let mut size_ret = 0;
        // SAFETY: null is allowed.
        let writer = unsafe { InfoWriter::new(1, std::ptr::null_mut(), &mut size_ret) };
        assert!(writer.list([1_u64, 2, 3]).is_ok());
        assert_eq!(size_ret, 24);
    }

    #[test]
    fn names_with_versions_have_the_layout_of_c() {
        let mut answer = [0_u8; size_of::<cl_name_version>()];
        // SAFETY: the answer's size is given.
        let writer = unsafe {
            InfoWriter::new(
                answer.len(),
                answer.as_mut_ptr().cast(),
                std::ptr::null_mut(),
            )
        };
        assert!(writer
            .names_with_version([("cl_khr_icd", (2, 0, 1))])
            .is_ok());
        assert_eq!(answer[..4], ((2_u32 << 22) | 1).to_ne_bytes());
        assert_eq!(&answer[4..15], b"cl_khr_icd\0");
    }
}
