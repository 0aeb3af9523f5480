// Mathematical and common functions of half precision.

#include "half.h"
#include "address_spaces.h"

ALL_WIDTHS(HALF_UNARY_WIDTH, acos)
ALL_WIDTHS(HALF_UNARY_WIDTH, acosh)
ALL_WIDTHS(HALF_UNARY_WIDTH, acospi)
ALL_WIDTHS(HALF_UNARY_WIDTH, asin)
ALL_WIDTHS(HALF_UNARY_WIDTH, asinh)
ALL_WIDTHS(HALF_UNARY_WIDTH, asinpi)
ALL_WIDTHS(HALF_UNARY_WIDTH, atan)
ALL_WIDTHS(HALF_UNARY_WIDTH, atanh)
ALL_WIDTHS(HALF_UNARY_WIDTH, atanpi)
ALL_WIDTHS(HALF_UNARY_WIDTH, cbrt)
ALL_WIDTHS(HALF_UNARY_WIDTH, ceil)
ALL_WIDTHS(HALF_UNARY_WIDTH, cos)
ALL_WIDTHS(HALF_UNARY_WIDTH, cosh)
ALL_WIDTHS(HALF_UNARY_WIDTH, cospi)
ALL_WIDTHS(HALF_UNARY_WIDTH, degrees)
ALL_WIDTHS(HALF_UNARY_WIDTH, erf)
ALL_WIDTHS(HALF_UNARY_WIDTH, erfc)
ALL_WIDTHS(HALF_UNARY_WIDTH, exp)
ALL_WIDTHS(HALF_UNARY_WIDTH, exp10)
ALL_WIDTHS(HALF_UNARY_WIDTH, exp2)
ALL_WIDTHS(HALF_UNARY_WIDTH, expm1)
ALL_WIDTHS(HALF_UNARY_WIDTH, floor)
ALL_WIDTHS(HALF_UNARY_WIDTH, lgamma)
ALL_WIDTHS(HALF_UNARY_WIDTH, log)
ALL_WIDTHS(HALF_UNARY_WIDTH, log10)
ALL_WIDTHS(HALF_UNARY_WIDTH, log1p)
ALL_WIDTHS(HALF_UNARY_WIDTH, log2)
ALL_WIDTHS(HALF_UNARY_WIDTH, logb)
ALL_WIDTHS(HALF_UNARY_WIDTH, radians)
ALL_WIDTHS(HALF_UNARY_WIDTH, rint)
ALL_WIDTHS(HALF_UNARY_WIDTH, round)
ALL_WIDTHS(HALF_UNARY_WIDTH, rsqrt)
ALL_WIDTHS(HALF_UNARY_WIDTH, sign)
ALL_WIDTHS(HALF_UNARY_WIDTH, sin)
ALL_WIDTHS(HALF_UNARY_WIDTH, sinh)
ALL_WIDTHS(HALF_UNARY_WIDTH, sinpi)
ALL_WIDTHS(HALF_UNARY_WIDTH, tan)
ALL_WIDTHS(HALF_UNARY_WIDTH, tanh)
ALL_WIDTHS(HALF_UNARY_WIDTH, tanpi)
ALL_WIDTHS(HALF_UNARY_WIDTH, tgamma)
ALL_WIDTHS(HALF_UNARY_WIDTH, trunc)

ALL_WIDTHS(HALF_BINARY_WIDTH, atan2)
ALL_WIDTHS(HALF_BINARY_WIDTH, atan2pi)
ALL_WIDTHS(HALF_BINARY_WIDTH, fdim)
ALL_WIDTHS(HALF_BINARY_WIDTH, fmod)
ALL_WIDTHS(HALF_BINARY_WIDTH, hypot)
ALL_WIDTHS(HALF_BINARY_WIDTH, maxmag)
ALL_WIDTHS(HALF_BINARY_WIDTH, minmag)
ALL_WIDTHS(HALF_BINARY_WIDTH, pow)
ALL_WIDTHS(HALF_BINARY_WIDTH, powr)
ALL_WIDTHS(HALF_BINARY_WIDTH, remainder)
ALL_WIDTHS(HALF_BINARY_WIDTH, step)

#define MAD_WIDTH(n, unused)                                                                  \
  BUILTIN half##n mad(half##n x, half##n y, half##n z) {                                      \
    _Pragma("OPENCL FP_CONTRACT ON") return x *y + z;                                         \
  }
ALL_WIDTHS(MAD_WIDTH, )

ALL_WIDTHS(HALF_TERNARY_WIDTH, mix)
ALL_WIDTHS(HALF_TERNARY_WIDTH, smoothstep)

#define SCALAR_ARGUMENT_WIDTH(n, unused)                                                      \
  BUILTIN half##n mix(half##n x, half##n y, half a) { return mix(x, y, (half##n)a); }         \
  BUILTIN half##n step(half edge, half##n x) { return step((half##n)edge, x); }               \
  BUILTIN half##n smoothstep(half low, half high, half##n x) {                                \
    return smoothstep((half##n)low, (half##n)high, x);                                        \
  }
EACH_WIDTH(SCALAR_ARGUMENT_WIDTH, )

#define MAXIMUM(n, unused)                                                                    \
  BUILTIN half##n fmax(half##n x, half##n y) { return __builtin_elementwise_max(x, y); }      \
  BUILTIN half##n fmin(half##n x, half##n y) { return __builtin_elementwise_min(x, y); }
#define MAXIMUM_SCALAR(n, unused)                                                             \
  BUILTIN half##n fmax(half##n x, half y) { return fmax(x, (half##n)y); }                     \
  BUILTIN half##n fmin(half##n x, half y) { return fmin(x, (half##n)y); }
ALL_WIDTHS(MAXIMUM, )
EACH_WIDTH(MAXIMUM_SCALAR, )

// Float has more than twice the digits of half and two more, so its root rounds correctly.
#define EXACT_WIDTH(n, unused)                                                                \
  BUILTIN half##n fabs(half##n x) { return __builtin_elementwise_abs(x); }                    \
  BUILTIN half##n copysign(half##n x, half##n y) {                                            \
    return __builtin_elementwise_copysign(x, y);                                              \
  }                                                                                           \
  BUILTIN half##n sqrt(half##n x) { return narrow(__builtin_elementwise_sqrt(widen(x))); }
ALL_WIDTHS(EXACT_WIDTH, )

// The sum may have more digits than double. What is lost sets the lowest bit that is kept, of
// double and then of float (rounding to odd), so that only the last rounding rounds.
BUILTIN half fma(half x, half y, half z) {
  double product = (double)x * (double)y, addend = (double)z;
  double sum = product + addend;
  double rest = sum - product;
  double error = (product - (sum - rest)) + (addend - rest);
  long bits = BITS(sum, long);
  bool finite = (bits & 0x7ff0000000000000) != 0x7ff0000000000000;
  /* Away from the error when it was rounded up. */
  long toward_zero = bits - (long)((error < 0) == (sum > 0));
  long odd = error != 0 && finite ? toward_zero | 1 : bits;
  long cut = (odd & ~0x1fffffffL) | ((odd & 0x1fffffff) != 0 ? 0x20000000L : 0);
  double result = finite ? BITS(cut, double) : sum;
  return (half)(float)result;
}
TERNARY(half, fma, half, half, half)

#define EXPONENT_WIDTH(n, name)                                                               \
  ELSEWHERE float##n name(float##n x, int##n y);                                              \
  BUILTIN half##n name(half##n x, int##n y) { return narrow(name(widen(x), y)); }
ALL_WIDTHS(EXPONENT_WIDTH, ldexp)
ALL_WIDTHS(EXPONENT_WIDTH, pown)
ALL_WIDTHS(EXPONENT_WIDTH, rootn)
#define LDEXP_SCALAR_WIDTH(n, unused)                                                         \
  BUILTIN half##n ldexp(half##n x, int y) { return ldexp(x, (int##n)y); }
EACH_WIDTH(LDEXP_SCALAR_WIDTH, )
#define ILOGB_WIDTH(n, unused)                                                                \
  ELSEWHERE int##n ilogb(float##n x);                                                         \
  BUILTIN int##n ilogb(half##n x) { return ilogb(widen(x)); }
ALL_WIDTHS(ILOGB_WIDTH, )

ELSEWHERE float frexp(float x, __private int *exponent);
PART half frexp_parts(half x, __private int *exponent) { return narrow(frexp((float)x, exponent)); }
UNARY_OUT(half, frexp, int)

ELSEWHERE float lgamma_r(float x, __private int *sign);
PART half lgamma_r_parts(half x, __private int *sign) { return narrow(lgamma_r((float)x, sign)); }
UNARY_OUT(half, lgamma_r, int)

ELSEWHERE float remquo(float x, float y, __private int *quotient);
PART half remquo_parts(half x, half y, __private int *quotient) {
  return narrow(remquo((float)x, (float)y, quotient));
}
BINARY_OUT(half, remquo, int)

#define OUT_PARTS(name)                                                                       \
  ELSEWHERE float name(float x, __private float *out);                                        \
  PART float name##_wide(half x, __private half *out) {                                       \
    float second;                                                                             \
    float first = name((float)x, &second);                                                    \
    *out = narrow(second);                                                                    \
    return first;                                                                             \
  }
OUT_PARTS(fract)
OUT_PARTS(modf)
OUT_PARTS(sincos)
// The fraction of a tiny negative number would round to one.
PART half fract_parts(half x, __private half *whole) {
  float fraction = fract_wide(x, whole);
  return narrow(fraction > 0x1.ffcp-1f ? 0x1.ffcp-1f : fraction);
}
PART half modf_parts(half x, __private half *whole) { return narrow(modf_wide(x, whole)); }
PART half sincos_parts(half x, __private half *cosine) { return narrow(sincos_wide(x, cosine)); }
UNARY_OUT(half, fract, half)
UNARY_OUT(half, modf, half)
UNARY_OUT(half, sincos, half)
