//! vload, vstore and their half-precision variants.

use crate::jit::{mangled, Builtins};
use crate::random::Random;

const SPACES: [&str; 5] = ["P", "PU3AS1", "PU3AS3", "PU3AS4", "PU3AS2"];
const TYPES: [(char, usize); 10] = [
    ('c', 1),
    ('h', 1),
    ('s', 2),
    ('t', 2),
    ('i', 4),
    ('j', 4),
    ('l', 8),
    ('m', 8),
    ('f', 4),
    ('d', 8),
];
const WIDTHS: [usize; 5] = [2, 3, 4, 8, 16];

fn counting(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n * 7 + n / 256) as u8).collect()
}

#[test]
fn vectors_are_loaded_and_stored_at_the_alignment_of_components() {
    let mut symbols = Vec::new();
    for width in WIDTHS {
        for (code, _) in TYPES {
            for space in SPACES {
                symbols.push(mangled(
                    &format!("vload{width}"),
                    &format!("m{space}K{code}"),
                ));
                if space != "PU3AS2" {
                    let parameters = format!("Dv{width}_{code}m{space}{code}");
                    symbols.push(mangled(&format!("vstore{width}"), &parameters));
                }
            }
        }
    }
    let builtins = Builtins::new(&symbols);
    for width in WIDTHS {
        for (code, size) in TYPES {
            for space in SPACES {
                let load = mangled(&format!("vload{width}"), &format!("m{space}K{code}"));
                let offset = 3usize;
                let start = offset * width * size;
                let mut memory = counting(1024);
                let mut loaded = vec![0; width * size];
                let arguments: &mut [&mut [u8]] = &mut [&mut offset.to_le_bytes(), &mut memory];
                builtins.get(&load).call(arguments, &mut loaded);
                assert_eq!(
                    loaded,
                    &counting(1024)[start..start + width * size],
                    "{load}"
                );
                if space == "PU3AS2" {
                    continue;
                }
                let store = mangled(
                    &format!("vstore{width}"),
                    &format!("Dv{width}_{code}m{space}{code}"),
                );
                let mut value = vec![0xee; width * size];
                let arguments: &mut [&mut [u8]] =
                    &mut [&mut value, &mut offset.to_le_bytes(), &mut memory];
                builtins.get(&store).call(arguments, &mut []);
                let mut expected = counting(1024);
                expected[start..start + width * size].fill(0xee);
                assert_eq!(memory, expected, "{store}");
            }
        }
    }
}

/// The value of a half, from its definition.
fn half_value(bits: u16) -> f64 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff));
    sign * match exponent {
        31 if fraction != 0.0 => f64::NAN,
        31 => f64::INFINITY,
        0 => fraction * 2f64.powi(-24),
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// The half that x rounds to: found by searching all halves of one sign.
fn rounded(x: f64, mode: &str) -> u16 {
    let magnitude = x.abs();
    let negative = x.is_sign_negative();
    let sign = if negative { 0x8000 } else { 0 };
    if magnitude.is_infinite() {
        return sign | 0x7c00;
    }
    // Halves without sign are in the order of their bits: find the last one not above.
    let (mut low, mut high) = (0u16, 0x7c00u16);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if half_value(middle) <= magnitude {
            low = middle;
        } else {
            high = middle;
        }
    }
    let below = half_value(low);
    // For rounding, infinity stands at the place of the next finite value.
    let above = if low == 0x7bff {
        65536.0
    } else {
        half_value(low + 1)
    };
    let up = match mode {
        "_rtz" => false,
        "_rtp" => magnitude > below && !negative,
        "_rtn" => magnitude > below && negative,
        _ => {
            let middle = (below + above) / 2.0;
            magnitude > middle || (magnitude == middle && low & 1 == 1)
        }
    };
    sign | (low + u16::from(up))
}

#[test]
fn every_half_is_loaded_exactly() {
    let symbols: Vec<String> = ["", "2", "3", "4", "8", "16"]
        .iter()
        .flat_map(|width| {
            ["vload_half", "vloada_half"]
                .map(|name| mangled(&format!("{name}{width}"), "mPU3AS1KDh"))
        })
        .collect();
    let builtins = Builtins::new(&symbols);
    let mut memory = [0u8; 128];
    for bits in 0..=u16::MAX {
        memory[..2].copy_from_slice(&bits.to_le_bytes());
        let mut result = [0; 4];
        let arguments: &mut [&mut [u8]] = &mut [&mut [0; 8], &mut memory];
        builtins.get(&symbols[0]).call(arguments, &mut result);
        let result = f64::from(f32::from_le_bytes(result));
        let exact = half_value(bits);
        let same = result.to_bits() == exact.to_bits() || (result.is_nan() && exact.is_nan());
        assert!(same, "half {bits:#x} is loaded as {result}");
    }
    for (index, width) in [1usize, 2, 3, 4, 8, 16].into_iter().enumerate() {
        for (name, stride) in [(0, width), (1, if width == 3 { 4 } else { width })] {
            let mut memory: Vec<u8> = (0..512u16)
                .flat_map(|n| (n + 0x3000).to_le_bytes())
                .collect();
            let mut result = vec![0; 4 * width];
            let arguments: &mut [&mut [u8]] = &mut [&mut 5u64.to_le_bytes(), &mut memory];
            builtins
                .get(&symbols[2 * index + name])
                .call(arguments, &mut result);
            for lane in 0..width {
                let got = f32::from_le_bytes(result[4 * lane..][..4].try_into().unwrap());
                let half = 0x3000 + (5 * stride + lane) as u16;
                assert_eq!(
                    f64::from(got),
                    half_value(half),
                    "{}",
                    symbols[2 * index + name]
                );
            }
        }
    }
}

/// Numbers around every half and half way between two, and random ones.
fn numbers() -> Vec<f64> {
    let mut numbers = vec![
        0.0,
        65504.0,
        65519.0,
        65519.99,
        65520.0,
        65536.0,
        1e30,
        1e300,
        f64::INFINITY,
        f64::MAX,
        1e-8,
        2.98e-8,
        2.980232238769531e-8,
        2.99e-8,
        5.96e-8,
        1e-40,
        1e-300,
        5e-324,
    ];
    for bits in (0..0x7c00u16).step_by(13) {
        let (value, next) = (half_value(bits), half_value(bits + 1).min(65536.0));
        let middle = (value + next) / 2.0;
        numbers.extend([
            value,
            middle,
            middle * (1.0 + 1e-7),
            middle * (1.0 - 1e-7),
            middle * (1.0 + 1e-15),
        ]);
    }
    let mut random = Random::new(2);
    numbers
        .extend((0..3000).map(|_| f64::from(f32::from_bits(random.bits() as u32 & 0x7fff_ffff))));
    numbers.extend((0..3000).map(|_| (random.bits() as i64 as f64 * 1e-17).exp2().abs()));
    let negative: Vec<f64> = numbers.iter().map(|x| -x).collect();
    numbers.extend(negative);
    numbers
}

#[test]
fn halves_are_stored_with_every_rounding() {
    let modes = ["", "_rte", "_rtz", "_rtp", "_rtn"];
    for mode in modes {
        let float = mangled(&format!("vstore_half{mode}"), "fmPU3AS1Dh");
        let double = mangled(&format!("vstore_half{mode}"), "dmPU3AS1Dh");
        let builtins = Builtins::new([&float, &double]);
        let store = |symbol: &str, bytes: &mut [u8]| {
            let mut memory = [0u8; 128];
            let arguments: &mut [&mut [u8]] = &mut [bytes, &mut [0; 8], &mut memory];
            builtins.get(symbol).call(arguments, &mut []);
            assert!(memory[2..].iter().all(|byte| *byte == 0));
            u16::from_le_bytes([memory[0], memory[1]])
        };
        for x in numbers() {
            if x.is_nan() {
                continue;
            }
            let got = store(&double, &mut x.to_le_bytes());
            assert_eq!(got, rounded(x, mode), "vstore_half{mode}({x:e}) of double");
            let x = x as f32;
            let got = store(&float, &mut x.to_le_bytes());
            assert_eq!(got, rounded(f64::from(x), mode), "vstore_half{mode}({x:e})");
        }
        let nan = store(&float, &mut f32::NAN.to_le_bytes());
        assert!(half_value(nan).is_nan());
    }
}

#[test]
fn vectors_of_halves_are_stored_by_component() {
    for width in WIDTHS {
        for (name, stride) in [
            ("vstore_half", width),
            ("vstorea_half", if width == 3 { 4 } else { width }),
        ] {
            for (code, size) in [('f', 4), ('d', 8)] {
                let symbol = mangled(
                    &format!("{name}{width}_rtz"),
                    &format!("Dv{width}_{code}mPDh"),
                );
                let builtins = Builtins::new([&symbol]);
                let mut value = Vec::new();
                for lane in 0..width {
                    let x = lane as f64 + 0.5;
                    let bytes = if size == 4 {
                        (x as f32).to_le_bytes().to_vec()
                    } else {
                        x.to_le_bytes().to_vec()
                    };
                    value.extend(bytes);
                }
                let mut memory = vec![0xaa; 256];
                let arguments: &mut [&mut [u8]] =
                    &mut [&mut value, &mut 2u64.to_le_bytes(), &mut memory];
                builtins.get(&symbol).call(arguments, &mut []);
                let mut expected = vec![0xaa; 256];
                for lane in 0..width {
                    let half = rounded(lane as f64 + 0.5, "_rtz");
                    expected[2 * (2 * stride + lane)..][..2].copy_from_slice(&half.to_le_bytes());
                }
                assert_eq!(memory, expected, "{symbol}");
            }
        }
    }
}
