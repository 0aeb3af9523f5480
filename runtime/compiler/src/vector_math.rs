//! Mathematical functions of the host for several arguments at once: those of `libmvec`, which the GNU
//! C library brings for x86. Its bounds are looser than those of OpenCL C 3.0 §7.4 now and then; what
//! is named here keeps these.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::OnceLock;

use libloading::Library;

use crate::host_math::HostFunction;

/// A function of doubles: its name, and the letters of its arguments in the names of `libmvec`.
const FUNCTIONS: [(&str, &str); 14] = [
    ("acos", "v"),
    ("acosh", "v"),
    ("asin", "v"),
    ("asinh", "v"),
    ("atan", "v"),
    ("atan2", "vv"),
    ("atanh", "v"),
    ("cos", "v"),
    ("cosh", "v"),
    ("erf", "v"),
    ("hypot", "vv"),
    ("sin", "v"),
    ("sinh", "v"),
    ("tanh", "v"),
];

/// An extension of the processor: how many doubles its registers hold, and its letter.
struct Extension {
    lanes: u32,
    letter: char,
}

/// Extensions of this processor, those with the widest registers first.
fn extensions() -> Vec<Extension> {
    let mut found = Vec::new();
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    for (is_there, lanes, letter) in [
        (std::arch::is_x86_feature_detected!("avx512f"), 8, 'e'),
        (std::arch::is_x86_feature_detected!("avx2"), 4, 'd'),
        (true, 2, 'b'),
    ] {
        if is_there {
            found.push(Extension { lanes, letter });
        }
    }
    found
}

/// What there is, by name of the function for one argument and number of lanes.
fn known() -> &'static HashMap<(&'static str, u32), HostFunction> {
    static KNOWN: OnceLock<HashMap<(&str, u32), HostFunction>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        // SAFETY: the library belongs to the C library; to load it runs nothing of its own.
        let Ok(library) = (unsafe { Library::new("libmvec.so.1") }) else {
            return HashMap::new();
        };
        // It stays: code of kernels refers to it.
        let library = Box::leak(Box::new(library));
        let mut found = HashMap::new();
        for Extension { lanes, letter } in extensions() {
            for (name, arguments) in FUNCTIONS {
                let symbol = format!("_ZGV{letter}N{lanes}{arguments}_{name}");
                // SAFETY: the symbol is looked at as an address.
                let address = unsafe { library.get::<*const ()>(symbol.as_bytes()) };
                let Ok(address) = address else { continue };
                let name = Box::leak(symbol_of(name, lanes).into_boxed_str());
                let scalar = name.split('.').next().unwrap_or_default();
                let address = *address as usize;
                found.insert((scalar, lanes), HostFunction { name, address });
            }
        }
        found
    })
}

fn symbol_of(name: &str, lanes: u32) -> String {
    format!("isocl_host_{name}.{lanes}")
}

/// Every function for several arguments.
pub fn host_functions() -> impl Iterator<Item = HostFunction> {
    known().values().copied()
}

/// The form of the host function `name` for the most arguments, at most `width`: its symbol, and the number
/// of arguments that it takes at once.
pub fn widest(name: &str, width: u32) -> Option<(&'static str, u32)> {
    let wide_enough = |lanes: &u32| *lanes <= width;
    let found = |lanes| Some((known().get(&(name, lanes))?.name, lanes));
    [8, 4, 2].into_iter().filter(wide_enough).find_map(found)
}

/// Whether the host function `name` has a form for several arguments.
pub fn is_there(name: &str) -> bool {
    widest(name, u32::MAX).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_form_that_fits_is_chosen() {
        let name = "isocl_host_sin";
        assert_eq!(widest(name, 1), None);
        assert_eq!(widest("isocl_host_tgamma", 16), None);
        assert!(!is_there("isocl_host_tgamma") && !is_there("sin"));
        for width in [2, 4, 8, 16] {
            if let Some((symbol, lanes)) = widest(name, width) {
                assert!(
                    lanes <= width && symbol == symbol_of("sin", lanes),
                    "{symbol}"
                );
            }
        }
        let found = host_functions().count();
        assert_eq!(
            found % FUNCTIONS.len(),
            0,
            "a form of each function for each extension"
        );
    }
}
