//! The OpenCL C builtins as bitcode, embedded when the crate was built.
//!
//! The library comes as many small modules for `spir64`. [`blob_of`] tells which of them defines
//! a builtin; the overloads of one name are in one blob, those of half precision in another. A blob
//! refers to nothing outside itself except host functions (`isocl_host_…`, see
//! [`crate::host_math`]), the work-item functions and barriers that the compiler lowers itself, and
//! from half precision to the functions of float.

use std::borrow::Cow;

include!(concat!(env!("OUT_DIR"), "/library_index.rs"));

/// The number in [`BLOBS`] of the blob that defines the builtin with this mangled name, such as
/// `_Z3sinDv4_f`; `None` if the library has no builtin of that name.
///
/// A blob may lack the particular overload: the name is only looked up up to its argument types.
pub fn blob_of(symbol: &str) -> Option<usize> {
    let name = index_name(symbol)?;
    INDEX
        .binary_search_by(|(candidate, _)| (*candidate).cmp(&name))
        .ok()
        .and_then(|position| INDEX.get(position))
        .map(|(_, number)| usize::from(*number))
}

/// `sin` of `_Z3sinDv4_f`, and `sin.half` of `_Z3sinDv4_Dh`.
fn index_name(symbol: &str) -> Option<Cow<'_, str>> {
    let rest = symbol.strip_prefix("_Z")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (length, rest) = rest.split_at(digits);
    let (name, parameters) = rest.split_at_checked(length.parse().ok()?)?;
    Some(if parameters.contains("Dh") {
        Cow::Owned(format!("{name}.half"))
    } else {
        Cow::Borrowed(name)
    })
}
