//! Half-precision numbers as bits, for code that runs on processors without them.

/// The number as float, exactly.
pub fn to_float(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff) << 13;
    let bits = if magnitude >= 0x0f80_0000 {
        let quiet = u32::from(magnitude > 0x0f80_0000) << 22;
        magnitude | 0x7f80_0000 | quiet
    } else {
        // A power of two moves the exponent, and makes normal numbers of denormal ones.
        (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits()
    };
    f32::from_bits(sign | bits)
}

/// The nearest half, that with an even last bit of two. Rounds once.
pub fn from_double(x: f64) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 48) as u16 & 0x8000;
    let magnitude = bits & !(1 << 63);
    if x.is_nan() {
        // The first bits of what a NaN carries.
        return sign | 0x7e00 | (magnitude >> 42) as u16 & 0x01ff;
    }
    let exponent = (magnitude >> 52) as i32 - 1023;
    if exponent > 15 {
        return sign | 0x7c00;
    }
    if exponent < -25 {
        return sign;
    }
    let significand = magnitude & ((1 << 52) - 1) | 1 << 52;
    // Numbers below the smallest normal one keep fewer digits.
    let shift = 42 + (-14 - exponent).max(0);
    let kept = significand >> shift;
    let rest = significand & ((1 << shift) - 1);
    let half_way = 1 << (shift - 1);
    let up = rest > half_way || rest == half_way && kept & 1 == 1;
    // The first digit adds one to the exponent.
    let biased = (exponent + 14).max(0) as u64;
    sign | ((biased << 10) + kept + u64::from(up)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_halves_come_back() {
        for half in 0..=u16::MAX {
            let float = to_float(half);
            let expected = match half & 0x7fff {
                0x7c01..=0x7fff => half | 0x0200,
                _ => half,
            };
            assert_eq!(from_double(f64::from(float)), expected, "{half:#x}");
        }
        assert_eq!(to_float(0x3c00), 1.0);
        assert_eq!(to_float(0xc100), -2.5);
        assert_eq!(to_float(1), 2f32.powi(-24));
        assert_eq!(to_float(0x7bff), 65504.0);
    }

    #[test]
    fn between_neighbours_the_nearer_one_is_taken_and_the_even_one_half_way() {
        for half in 0..0x7bff_u16 {
            let (low, high) = (f64::from(to_float(half)), f64::from(to_float(half + 1)));
            let middle = (low + high) / 2.0;
            let even = half + (half & 1);
            let negative = |bits| bits | 0x8000;
            // Steps that a float cannot make: rounding by way of float would lose them.
            for (x, expected) in [
                (middle, even),
                (middle.next_down(), half),
                (middle.next_up(), half + 1),
            ] {
                assert_eq!(from_double(x), expected, "{x:e}");
                assert_eq!(from_double(-x), negative(expected), "{x:e}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_infinite() {
        assert_eq!(from_double(65520.0), 0x7c00);
        assert_eq!(from_double(65519.999), 0x7bff);
        assert_eq!(from_double(f64::MAX), 0x7c00);
        assert_eq!(from_double(f64::NEG_INFINITY), 0xfc00);
        assert_eq!(from_double(5e-324), 0);
        assert_eq!(from_double(2f64.powi(-25).next_up()), 1);
        assert_eq!(from_double(2f64.powi(-25)), 0);
    }
}
