//! Names of builtin functions as clang mangles them for `spir64`, taken apart as far as needed.

/// A builtin's name and the mangled types of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinName<'a> {
    /// The name as it stands in the source.
    pub name: &'a str,
    /// Mangled argument types.
    pub arguments: &'a str,
}

impl<'a> BuiltinName<'a> {
    /// Takes `_Z10atomic_addPU3AS1Vii` apart; `None` for what is not mangled like that.
    pub fn parse(symbol: &'a str) -> Option<Self> {
        let rest = symbol.strip_prefix("_Z")?;
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (length, rest) = rest.split_at(digits);
        let length: usize = length.parse().ok()?;
        if length == 0 || !rest.is_char_boundary(length) || length > rest.len() {
            return None;
        }
        let (name, arguments) = rest.split_at(length);
        Some(Self { name, arguments })
    }

    /// The letter of the type that the first argument, a pointer, points at: `i` for
    /// `PU3AS4VU7_Atomici`. `None` when it is no pointer to a basic type.
    pub fn pointee(&self) -> Option<char> {
        let mut rest = self.arguments.strip_prefix('P')?;
        while let Some(letter) = rest.chars().next() {
            match letter {
                'V' | 'K' | 'r' => rest = &rest[1..],
                'U' => {
                    let digits = rest[1..].find(|character: char| !character.is_ascii_digit())? + 1;
                    let length: usize = rest.get(1..digits)?.parse().ok()?;
                    rest = rest.get(digits + length..)?;
                }
                _ => return Some(letter),
            }
        }
        None
    }

    /// The letter of the first argument's type, when it is a basic type.
    pub fn first(&self) -> Option<char> {
        self.arguments.chars().next()
    }
}

/// Whether a type letter stands for a signed integer.
pub fn is_signed(letter: char) -> bool {
    matches!(letter, 'a' | 'c' | 's' | 'i' | 'l' | 'x')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_are_taken_apart() {
        let parse = |symbol| BuiltinName::parse(symbol).unwrap();
        assert_eq!(parse("_Z10atomic_addPU3AS1Vii").name, "atomic_add");
        assert_eq!(parse("_Z10atomic_addPU3AS1Vii").pointee(), Some('i'));
        assert_eq!(
            parse("_Z11atomic_initPU3AS4VU7_Atomicmm").pointee(),
            Some('m')
        );
        assert_eq!(parse("_Z8atom_maxPU3AS3Vll").pointee(), Some('l'));
        assert_eq!(parse("_Z21work_group_reduce_addj").first(), Some('j'));
        assert_eq!(parse("_Z9get_fencePU3AS4v").pointee(), Some('v'));
    }

    #[test]
    fn other_symbols_are_refused() {
        for symbol in [
            "printf",
            "_Z",
            "_Zabc",
            "_Z0",
            "_Z99abc",
            "_Z1\u{e4}b",
            "llvm.fabs.f32",
        ] {
            assert_eq!(BuiltinName::parse(symbol), None, "{symbol}");
        }
        assert_eq!(BuiltinName::parse("_Z3fooi").unwrap().pointee(), None);
        assert_eq!(BuiltinName::parse("_Z3fooPU99x").unwrap().pointee(), None);
    }
}
