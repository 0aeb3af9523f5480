//! Functions of the C library that Rust's `f64` lacks or computes in another way.

#![allow(unsafe_code)]

mod raw {
    extern "C" {
        pub fn acosh(x: f64) -> f64;
        pub fn asinh(x: f64) -> f64;
        pub fn atanh(x: f64) -> f64;
        pub fn erf(x: f64) -> f64;
        pub fn erfc(x: f64) -> f64;
        pub fn exp10(x: f64) -> f64;
        pub fn ldexp(x: f64, n: i32) -> f64;
        pub fn lgamma(x: f64) -> f64;
        pub fn remainder(x: f64, y: f64) -> f64;
        pub fn tgamma(x: f64) -> f64;
    }
}

macro_rules! safe {
    ($($name:ident($($argument:ident: $type:ty),*)),* $(,)?) => {$(
        pub fn $name($($argument: $type),*) -> f64 {
            // SAFETY: a function of numbers.
            unsafe { raw::$name($($argument),*) }
        }
    )*};
}
safe!(
    acosh(x: f64),
    asinh(x: f64),
    atanh(x: f64),
    erf(x: f64),
    erfc(x: f64),
    exp10(x: f64),
    ldexp(x: f64, n: i32),
    lgamma(x: f64),
    remainder(x: f64, y: f64),
    tgamma(x: f64),
);
