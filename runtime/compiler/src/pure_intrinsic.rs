//! LLVM's intrinsics whose result depends on nothing but their arguments, and what they look like
//! when they work on vectors.

use crate::host_math;
use crate::llvm::Value;

/// How the declaration for vectors follows from the one for scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All arguments and the result are of one type, which names the intrinsic.
    Plain,
    /// The same but for the last argument, a constant that stays as it is.
    Constant,
    /// Result and first argument name the intrinsic.
    Conversion,
    /// The first argument names the intrinsic; the second one is a constant.
    Test,
    /// The arguments name the intrinsic; the result is a pair of value and flag.
    Pair,
    /// Result and second argument name the intrinsic.
    Scale,
    /// Combines the elements of a vector.
    Reduction,
}

/// Names without the prefix `llvm.` and the types.
const FORMS: [(&str, Form); 52] = [
    ("fmuladd", Form::Plain),
    ("fma", Form::Plain),
    ("umin", Form::Plain),
    ("umax", Form::Plain),
    ("smin", Form::Plain),
    ("smax", Form::Plain),
    ("fabs", Form::Plain),
    ("minnum", Form::Plain),
    ("maxnum", Form::Plain),
    ("minimum", Form::Plain),
    ("maximum", Form::Plain),
    ("sqrt", Form::Plain),
    ("floor", Form::Plain),
    ("ceil", Form::Plain),
    ("trunc", Form::Plain),
    ("rint", Form::Plain),
    ("nearbyint", Form::Plain),
    ("round", Form::Plain),
    ("roundeven", Form::Plain),
    ("copysign", Form::Plain),
    ("canonicalize", Form::Plain),
    ("ctpop", Form::Plain),
    ("bswap", Form::Plain),
    ("bitreverse", Form::Plain),
    ("fshl", Form::Plain),
    ("fshr", Form::Plain),
    ("uadd.sat", Form::Plain),
    ("usub.sat", Form::Plain),
    ("sadd.sat", Form::Plain),
    ("ssub.sat", Form::Plain),
    ("ushl.sat", Form::Plain),
    ("sshl.sat", Form::Plain),
    ("abs", Form::Constant),
    ("ctlz", Form::Constant),
    ("cttz", Form::Constant),
    ("fptosi.sat", Form::Conversion),
    ("fptoui.sat", Form::Conversion),
    ("ucmp", Form::Conversion),
    ("scmp", Form::Conversion),
    ("is.fpclass", Form::Test),
    ("uadd.with.overflow", Form::Pair),
    ("usub.with.overflow", Form::Pair),
    ("umul.with.overflow", Form::Pair),
    ("sadd.with.overflow", Form::Pair),
    ("ssub.with.overflow", Form::Pair),
    ("smul.with.overflow", Form::Pair),
    ("ldexp", Form::Scale),
    ("vector.reduce.and", Form::Reduction),
    ("vector.reduce.or", Form::Reduction),
    ("vector.reduce.xor", Form::Reduction),
    ("vector.reduce.add", Form::Reduction),
    ("vector.reduce.mul", Form::Reduction),
];

/// Name without types, and form, of the intrinsic that `call` calls.
pub fn form(call: Value) -> Option<(String, Form)> {
    let name = call.called_function()?.name();
    let rest = name.strip_prefix("llvm.")?;
    FORMS
        .iter()
        .find(|(base, _)| {
            rest.strip_prefix(base)
                .is_some_and(|types| types.starts_with('.') && is_type(&types[1..]))
        })
        .map(|&(base, form)| (format!("llvm.{base}"), form))
}

/// Whether the rest of a name begins with a type such as `i32`, `f32` or `v4f32`.
fn is_type(text: &str) -> bool {
    let mut letters = text.chars();
    matches!(letters.next(), Some('i' | 'f' | 'v'))
        && letters.next().is_some_and(|digit| digit.is_ascii_digit())
}

/// Whether the result of `call` depends on nothing but its arguments: it calls one of them, or such a
/// function of the host.
pub fn is_pure(call: Value) -> bool {
    is_one(call) || host_math::is_pure(call)
}

/// Whether `call` calls one of them.
pub fn is_one(call: Value) -> bool {
    form(call).is_some()
}
