// Rounding to integral values: ceil, floor, rint, round, trunc; and with what is left: fract, modf.

#include "overload.h"
#include "address_spaces.h"

#define ROUNDING(name, builtin)                                                               \
  BUILTIN float name(float x) { return builtin##f(x); }                                       \
  BUILTIN double name(double x) { return builtin(x); }                                        \
  UNARY_FLOATING(name)

ROUNDING(ceil, __builtin_ceil)
ROUNDING(floor, __builtin_floor)
ROUNDING(rint, __builtin_rint)
ROUNDING(round, __builtin_round)
ROUNDING(trunc, __builtin_trunc)

#define PARTS(T, floor, trunc, fabs, copysign, inf, below_one)                                \
  /* The largest value below 1 bounds the result: a tiny negative x would round up to 1. */   \
  PART T fract_parts(T x, __private T *whole) {                                               \
    T down = floor(x);                                                                        \
    *whole = down;                                                                            \
    T rest = x - down;                                                                        \
    rest = rest > below_one ? below_one : rest;                                               \
    return x == down ? copysign((T)0, x) : rest;                                              \
  }                                                                                           \
  PART T modf_parts(T x, __private T *whole) {                                                \
    T integral = trunc(x);                                                                    \
    *whole = integral;                                                                        \
    return copysign(fabs(x) == inf ? (T)0 : x - integral, x);                                 \
  }                                                                                           \
  UNARY_OUT(T, fract, T)                                                                      \
  UNARY_OUT(T, modf, T)

PARTS(float, __builtin_floorf, __builtin_truncf, __builtin_fabsf, __builtin_copysignf,
      __builtin_inff(), 0x1.fffffep-1f)
PARTS(double, __builtin_floor, __builtin_trunc, __builtin_fabs, __builtin_copysign,
      __builtin_inf(), 0x1.fffffffffffffp-1)
