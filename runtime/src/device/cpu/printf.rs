//! `printf` in kernels (OpenCL C §6.15.14): a record becomes text on the process's standard output.
//!
//! Every conversion is handed to the C library with a format rebuilt from checked parts, so that
//! digits, rounding, infinities and NaNs are exactly C's. The text goes through C's `stdout`, so
//! that it keeps its place among what the application prints.
#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};

use isocl_compiler_interface::printf::{KIND_FLOAT, KIND_INTEGER, KIND_POINTER};

extern "C" {
    static stdout: *mut libc::FILE;
}

/// Where the `printf` calls of one command go.
#[derive(Default)]
pub(super) struct PrintfOutput {
    printed: AtomicBool,
}

impl PrintfOutput {
    /// The first argument of [`receive_printf`]; valid as long as the output.
    pub(super) fn as_context(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// Hands everything printed to the operating system; at the end of the command.
    pub(super) fn flush(&self) {
        if self.printed.load(Ordering::Relaxed) {
            // SAFETY: `stdout` is the C library's stream; `fflush` locks it.
            unsafe { libc::fflush(stdout) };
        }
    }
}

/// Receives one record from generated code and prints it in one piece.
///
/// # Safety
/// `context` is a live [`PrintfOutput`], `record` has `len` readable bytes in the layout of
/// [`isocl_compiler_interface::printf`], and the format and every `%s` argument are
/// zero-terminated strings.
pub(super) unsafe extern "C" fn receive_printf(
    context: *mut c_void,
    record: *const u8,
    len: usize,
) {
    // SAFETY: the caller's promise; the record is private memory of the calling thread.
    let record = unsafe { std::slice::from_raw_parts(record, len) };
    // SAFETY: the caller's promise; all access is atomic.
    let output = unsafe { &*context.cast::<PrintfOutput>() };
    let Some((format, arguments)) = record.split_first_chunk::<8>() else {
        return;
    };
    let format = u64::from_ne_bytes(*format) as *const c_char;
    if format.is_null() {
        return;
    }
    // SAFETY: the caller's promise: a zero-terminated constant of the program.
    let format = unsafe { CStr::from_ptr(format) };
    let text = format_record(format.to_bytes(), arguments);
    // SAFETY: `text` has that many bytes; the stream is the C library's, locked by `fwrite`.
    unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stdout) };
    output.printed.store(true, Ordering::Relaxed);
}

/// One argument of a record.
#[derive(Clone, Copy)]
struct Argument<'a> {
    kind: u8,
    element_bytes: usize,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Argument<'a> {
    /// Splits the first argument off a record.
    fn take(record: &mut &'a [u8]) -> Option<Self> {
        let (header, rest) = record.split_first_chunk::<8>()?;
        let (element_bytes, count) = (usize::from(header[1]), usize::from(header[2]));
        let len = element_bytes * count;
        let bytes = rest.get(..len)?;
        *record = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
        Some(Self {
            kind: header[0],
            element_bytes,
            count,
            bytes,
        })
    }

    fn element(&self, index: usize) -> &'a [u8] {
        self.bytes
            .get(index * self.element_bytes..(index + 1) * self.element_bytes)
            .unwrap_or_default()
    }

    /// Element as an integer of `width` bytes, extended to 64 bits.
    fn integer(&self, index: usize, width: usize, signed: bool) -> u64 {
        let mut raw = [0_u8; 8];
        let element = self.element(index);
        let len = element.len().min(8);
        raw[..len].copy_from_slice(&element[..len]);
        let bits = 64 - 8 * width.min(len).clamp(1, 8) as u32;
        let value = u64::from_ne_bytes(raw) << bits;
        if signed {
            ((value as i64) >> bits) as u64
        } else {
            value >> bits
        }
    }

    fn float(&self, index: usize) -> f64 {
        let element = self.element(index);
        match self.element_bytes {
            2 => element
                .try_into()
                .map_or(0.0, |raw| half_to_double(u16::from_ne_bytes(raw))),
            4 => element
                .try_into()
                .map_or(0.0, |raw| f64::from(f32::from_ne_bytes(raw))),
            _ => element.try_into().map_or(0.0, f64::from_ne_bytes),
        }
    }
}

fn half_to_double(half: u16) -> f64 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(half >> 10 & 0x1F);
    let fraction = f64::from(half & 0x3FF);
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

/// One conversion specification of a format.
struct Conversion<'a> {
    /// Flags, width and precision, as they stand.
    parts: &'a [u8],
    /// Components, 1 for a scalar.
    count: usize,
    /// Bytes per integer as the length modifier says; none without one.
    integer_bytes: Option<usize>,
    specifier: u8,
}

/// Parses what follows a `%`; returns the rest. None when it is no conversion of OpenCL C.
fn parse(format: &[u8]) -> Option<(Conversion<'_>, &[u8])> {
    let digits = |from: usize| {
        from + format[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let flags = format
        .iter()
        .take_while(|byte| b"-+ #0".contains(byte))
        .count();
    let mut at = digits(flags);
    if format.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    // More would only exhaust memory.
    if at > 16 {
        return None;
    }
    let parts = &format[..at];
    let mut count = 1;
    if format.get(at) == Some(&b'v') {
        let end = digits(at + 1);
        count = std::str::from_utf8(&format[at + 1..end])
            .ok()?
            .parse()
            .ok()?;
        at = end;
    }
    let integer_bytes = match format.get(at..)? {
        [b'h', b'h', ..] => Some((1, 2)),
        [b'h', b'l', ..] => Some((4, 2)),
        [b'h', ..] => Some((2, 1)),
        [b'l', b'l', ..] => Some((8, 2)),
        [b'l' | b'z' | b't' | b'j', ..] => Some((8, 1)),
        _ => None,
    };
    at += integer_bytes.map_or(0, |(_, len)| len);
    let specifier = *format.get(at)?;
    let conversion = Conversion {
        parts,
        count,
        integer_bytes: integer_bytes.map(|(bytes, _)| bytes),
        specifier,
    };
    b"diouxXeEfFgGaAcsp"
        .contains(&specifier)
        .then_some((conversion, &format[at + 1..]))
}

/// The text of a record. Arguments that are missing or of the wrong kind print as nothing.
fn format_record(mut format: &[u8], mut arguments: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(format.len() + 32);
    while let Some(percent) = format.iter().position(|byte| *byte == b'%') {
        text.extend_from_slice(&format[..percent]);
        format = &format[percent + 1..];
        if let [b'%', rest @ ..] = format {
            text.push(b'%');
            format = rest;
        } else if let Some((conversion, rest)) = parse(format) {
            format = rest;
            if let Some(argument) = Argument::take(&mut arguments) {
                convert(&conversion, argument, &mut text);
            }
        } else {
            text.push(b'%');
        }
    }
    text.extend_from_slice(format);
    text
}

fn convert(conversion: &Conversion<'_>, argument: Argument<'_>, text: &mut Vec<u8>) {
    for index in 0..conversion.count.min(argument.count) {
        if index > 0 {
            text.push(b',');
        }
        match (conversion.specifier, argument.kind) {
            (b'd' | b'i', KIND_INTEGER) => {
                let width = conversion.integer_bytes.unwrap_or(argument.element_bytes);
                c_format(
                    conversion,
                    "ll",
                    Value::Integer(argument.integer(index, width, true)),
                    text,
                );
            }
            (b'o' | b'u' | b'x' | b'X', KIND_INTEGER) => {
                let width = conversion.integer_bytes.unwrap_or(argument.element_bytes);
                c_format(
                    conversion,
                    "ll",
                    Value::Integer(argument.integer(index, width, false)),
                    text,
                );
            }
            (b'c', KIND_INTEGER) => {
                c_format(
                    conversion,
                    "",
                    Value::Character(argument.integer(index, 1, false) as c_int),
                    text,
                );
            }
            (b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A', KIND_FLOAT) => {
                c_format(conversion, "", Value::Float(argument.float(index)), text);
            }
            (b'p', KIND_POINTER | KIND_INTEGER) => {
                c_format(
                    conversion,
                    "",
                    Value::Pointer(argument.integer(index, 8, false) as *const c_void),
                    text,
                );
            }
            (b's', KIND_POINTER) => {
                let string = argument.integer(index, 8, false) as *const c_void;
                let string = if string.is_null() {
                    c"(null)".as_ptr().cast()
                } else {
                    string
                };
                c_format(conversion, "", Value::Pointer(string), text);
            }
            _ => {}
        }
    }
}

enum Value {
    Integer(u64),
    Character(c_int),
    Float(f64),
    Pointer(*const c_void),
}

/// Formats one value with the C library. `length` is the modifier that fits the value.
fn c_format(conversion: &Conversion<'_>, length: &str, value: Value, text: &mut Vec<u8>) {
    let mut format = vec![b'%'];
    format.extend_from_slice(conversion.parts);
    format.extend_from_slice(length.as_bytes());
    format.push(conversion.specifier);
    let Ok(format) = CString::new(format) else {
        return;
    };
    let mut buffer = vec![0_u8; 128];
    loop {
        let (at, len, format) = (buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr());
        // SAFETY: `at` has `len` writable bytes; the format is zero-terminated, holds exactly one
        // conversion made of flags, digits and a specifier that `convert` chose to fit the type
        // of the one argument passed. A pointer passed to `%s` is a zero-terminated string by the
        // contract of `receive_printf`.
        let needed = unsafe {
            match value {
                Value::Integer(integer) => libc::snprintf(at, len, format, integer),
                Value::Character(character) => libc::snprintf(at, len, format, character),
                Value::Float(float) => libc::snprintf(at, len, format, float),
                Value::Pointer(pointer) => libc::snprintf(at, len, format, pointer),
            }
        };
        let Ok(needed) = usize::try_from(needed) else {
            return;
        };
        if needed < buffer.len() {
            text.extend_from_slice(&buffer[..needed]);
            return;
        }
        buffer.resize(needed + 1, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(kind: u8, element_bytes: u8, elements: &[u64]) -> Vec<u8> {
        let mut bytes = vec![kind, element_bytes, elements.len() as u8, 0, 0, 0, 0, 0];
        for element in elements {
            bytes.extend_from_slice(&element.to_ne_bytes()[..usize::from(element_bytes)]);
        }
        bytes.resize(bytes.len().next_multiple_of(8), 0xAA);
        bytes
    }

    fn int(value: i64) -> Vec<u8> {
        argument(KIND_INTEGER, 4, &[value as u64])
    }

    fn double(value: f64) -> Vec<u8> {
        argument(KIND_FLOAT, 8, &[value.to_bits()])
    }

    fn print(format: &str, arguments: &[Vec<u8>]) -> String {
        String::from_utf8(format_record(format.as_bytes(), &arguments.concat())).unwrap()
    }

    #[test]
    fn integers_with_flags_width_precision_and_length() {
        assert_eq!(
            print("%d|%5d|%-5d|%05d", &[int(-7), int(42), int(42), int(-42)]),
            "-7|   42|42   |-0042"
        );
        assert_eq!(
            print(
                "%+d % d %.3d %#x %#o",
                &[int(1), int(2), int(3), int(255), int(8)]
            ),
            "+1  2 003 0xff 010"
        );
        assert_eq!(
            print("%hhd %hu %X", &[int(-1), int(-1), int(-1)]),
            "-1 65535 FFFFFFFF"
        );
        assert_eq!(
            print("%ld", &[argument(KIND_INTEGER, 8, &[i64::MIN as u64])]),
            i64::MIN.to_string()
        );
        assert_eq!(print("%hhx", &[argument(KIND_INTEGER, 4, &[0x1234])]), "34");
    }

    #[test]
    fn floating_point_is_that_of_c() {
        assert_eq!(
            print("%f %e %g", &[double(1.5), double(1.5), double(1e-5)]),
            "1.500000 1.500000e+00 1e-05"
        );
        assert_eq!(
            print("%a %A", &[double(1.0), double(-0.5)]),
            "0x1p+0 -0X1P-1"
        );
        assert_eq!(
            print(
                "%f %F %5.1f",
                &[
                    double(f64::INFINITY),
                    double(f64::NAN),
                    double(f64::NEG_INFINITY)
                ]
            ),
            "inf NAN  -inf"
        );
        assert_eq!(
            print("%f", &[argument(KIND_FLOAT, 2, &[0x3E00])]),
            "1.500000"
        );
        assert_eq!(
            print("%.1e", &[argument(KIND_FLOAT, 2, &[0x0001])]),
            "6.0e-08"
        );
        assert_eq!(print("%.500f", &[double(0.0)]).len(), 502);
    }

    #[test]
    fn vectors_are_separated_by_commas_and_keep_the_flags() {
        let floats = [1.0_f32, 2.0, 3.0, 4.0].map(|value| u64::from(value.to_bits()));
        assert_eq!(
            print("%2.2v4hlf", &[argument(KIND_FLOAT, 4, &floats)]),
            "1.00,2.00,3.00,4.00"
        );
        assert_eq!(
            print("%v3hd;", &[argument(KIND_INTEGER, 2, &[1, 0xFFFF, 3])]),
            "1,-1,3;"
        );
        assert_eq!(
            print("%#v2hhx", &[argument(KIND_INTEGER, 1, &[0xFA, 0xFB])]),
            "0xfa,0xfb"
        );
    }

    #[test]
    fn strings_characters_pointers_and_percent() {
        let string = argument(KIND_POINTER, 8, &[c"text".as_ptr() as u64]);
        assert_eq!(
            print("[%s][%6s][%.2s]", &[string.clone(), string.clone(), string]),
            "[text][  text][te]"
        );
        assert_eq!(print("%c%%%3c", &[int(65), int(66)]), "A%  B");
        assert_eq!(
            print("%p", &[argument(KIND_POINTER, 8, &[0x1234])]),
            "0x1234"
        );
    }

    #[test]
    fn malformed_formats_and_missing_arguments_print_what_they_can() {
        assert_eq!(print("%d %d.", &[int(1)]), "1 .");
        assert_eq!(print("%y %", &[]), "%y %");
        assert_eq!(print("%n", &[int(1)]), "%n");
        assert_eq!(print("%s", &[int(1)]), "");
    }
}
