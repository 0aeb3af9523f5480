//! The types of OpenCL C that random kernels use.

use super::random::Random;

/// A scalar type. `Float` values are small whole numbers, so that arithmetic on them is exact.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    Char,
    Uchar,
    Short,
    Ushort,
    Int,
    Uint,
    Long,
    Ulong,
    Float,
}

use Scalar::*;

/// The integers, a signed one before the unsigned one of its width, narrow ones first.
const INTEGERS: [Scalar; 8] = [Char, Uchar, Short, Ushort, Int, Uint, Long, Ulong];

impl Scalar {
    fn position(self) -> Option<usize> {
        INTEGERS.iter().position(|scalar| *scalar == self)
    }

    /// Name in OpenCL C.
    pub fn name(self) -> &'static str {
        match self {
            Char => "char",
            Uchar => "uchar",
            Short => "short",
            Ushort => "ushort",
            Int => "int",
            Uint => "uint",
            Long => "long",
            Ulong => "ulong",
            Float => "float",
        }
    }

    /// Width in bytes.
    pub fn bytes(self) -> usize {
        self.position().map_or(4, |position| 1 << (position / 2))
    }

    /// Whether it is a signed integer.
    pub fn is_signed(self) -> bool {
        self.position().is_some_and(|position| position % 2 == 0)
    }
}

/// A scalar, or a vector of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    /// Type of an element.
    pub scalar: Scalar,
    /// Number of elements; 1 for a scalar.
    pub lanes: usize,
}

/// `int`, of conditions.
pub const INT: Type = Type::scalar(Int);
/// `uint`, of indices and counts.
pub const UINT: Type = Type::scalar(Uint);
/// `float`.
pub const FLOAT: Type = Type::scalar(Float);
/// `ulong`.
pub const ULONG: Type = Type::scalar(Ulong);

impl Type {
    /// The type of one `scalar`.
    pub const fn scalar(scalar: Scalar) -> Self {
        Self { scalar, lanes: 1 }
    }

    /// The same type with another number of elements.
    pub const fn with_lanes(self, lanes: usize) -> Self {
        Self { lanes, ..self }
    }

    /// Name in OpenCL C.
    pub fn name(self) -> String {
        match self.lanes {
            1 => self.scalar.name().to_owned(),
            lanes => format!("{}{lanes}", self.scalar.name()),
        }
    }

    /// Size in memory.
    pub fn bytes(self) -> usize {
        self.scalar.bytes() * if self.lanes == 3 { 4 } else { self.lanes }
    }

    /// Whether it has several elements.
    pub fn is_vector(self) -> bool {
        self.lanes > 1
    }

    /// Whether it is `float`, or a vector of it.
    pub fn is_float(self) -> bool {
        self.scalar == Float
    }

    /// The unsigned integer type of the same width.
    pub fn unsigned(self) -> Self {
        self.with_sign(1)
    }

    /// The signed integer type of the same width.
    pub fn signed(self) -> Self {
        self.with_sign(0)
    }

    fn with_sign(self, offset: usize) -> Self {
        let scalar = self
            .scalar
            .position()
            .map_or(if offset == 0 { Int } else { Uint }, |position| {
                INTEGERS[position / 2 * 2 + offset]
            });
        Self { scalar, ..self }
    }

    /// The integer type of half the width and the same sign, of types that have one.
    pub fn half(self) -> Option<Self> {
        let position = self.scalar.position()?.checked_sub(2)?;
        let scalar = INTEGERS[position];
        Some(Self { scalar, ..self })
    }

    /// Some scalar integer type.
    pub fn random_integer(random: &mut Random) -> Self {
        Self::scalar(random.pick(&INTEGERS))
    }

    /// Some type of a variable.
    pub fn random(random: &mut Random) -> Self {
        let vector = |scalar, lanes| Self { scalar, lanes };
        match random.below(20) {
            0..=5 => Self::random_integer(random),
            6..=8 => INT,
            9 | 10 => UINT,
            11 | 12 => vector(Int, 4),
            13 | 14 => vector(Uint, 4),
            15 => vector(Int, 2),
            16 => vector(Int, 3),
            17 => {
                let scalar = random.pick(&INTEGERS);
                vector(scalar, random.pick(&[2, 4, 8]))
            }
            _ => FLOAT,
        }
    }

    /// Some type of an element of a buffer: one without padding, whose every bit counts.
    pub fn random_element(random: &mut Random) -> Self {
        loop {
            let kind = Self::random(random);
            if !kind.is_float() && kind.lanes != 3 {
                return kind;
            }
        }
    }
}
