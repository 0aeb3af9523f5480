//! Functions of the C library that Rust's `f64` lacks.

#![allow(unsafe_code)]

mod raw {
    extern "C" {
        pub fn erf(x: f64) -> f64;
        pub fn erfc(x: f64) -> f64;
        pub fn exp10(x: f64) -> f64;
        pub fn tgamma(x: f64) -> f64;
    }
}

macro_rules! safe {
    ($($name:ident),*) => {$(
        pub fn $name(x: f64) -> f64 {
            // SAFETY: a pure function of a number.
            unsafe { raw::$name(x) }
        }
    )*};
}
safe!(erf, erfc, exp10, tgamma);
