// Functions that take floating-point numbers apart or put them together, all exact:
// copysign, fabs, fdim, fma, fmax, fmin, frexp, ilogb, ldexp, logb, mad, maxmag, minmag, nan,
// nextafter.

#include "overload.h"
#include "address_spaces.h"

#define MAXIMUM(n, T)                                                                         \
  BUILTIN T##n fmax(T##n x, T##n y) { return __builtin_elementwise_max(x, y); }               \
  BUILTIN T##n fmin(T##n x, T##n y) { return __builtin_elementwise_min(x, y); }
#define MAXIMUM_SCALAR(n, T)                                                                  \
  BUILTIN T##n fmax(T##n x, T y) { return __builtin_elementwise_max(x, (T##n)y); }            \
  BUILTIN T##n fmin(T##n x, T y) { return __builtin_elementwise_min(x, (T##n)y); }

#define SIMPLE_WIDTH(n, T)                                                                    \
  MAXIMUM(n, T)                                                                               \
  BUILTIN T##n fabs(T##n x) { return __builtin_elementwise_abs(x); }                          \
  BUILTIN T##n copysign(T##n x, T##n y) { return __builtin_elementwise_copysign(x, y); }      \
  BUILTIN T##n fma(T##n x, T##n y, T##n z) { return __builtin_elementwise_fma(x, y, z); }     \
  BUILTIN T##n mad(T##n x, T##n y, T##n z) {                                                  \
    _Pragma("OPENCL FP_CONTRACT ON") return x *y + z;                                         \
  }                                                                                           \
  BUILTIN T##n fdim(T##n x, T##n y) { return x <= y ? (T##n)0 : x - y; }                      \
  BUILTIN T##n maxmag(T##n x, T##n y) {                                                       \
    T##n a = fabs(x), b = fabs(y);                                                            \
    return a > b ? x : (b > a ? y : fmax(x, y));                                              \
  }                                                                                           \
  BUILTIN T##n minmag(T##n x, T##n y) {                                                       \
    T##n a = fabs(x), b = fabs(y);                                                            \
    return a < b ? x : (b < a ? y : fmin(x, y));                                              \
  }
ALL_WIDTHS(SIMPLE_WIDTH, float)
ALL_WIDTHS(SIMPLE_WIDTH, double)
EACH_WIDTH(MAXIMUM_SCALAR, float)
EACH_WIDTH(MAXIMUM_SCALAR, double)

#define NAN_WIDTH(n, T, U, S, quiet)                                                          \
  BUILTIN T##n nan(U##n code) { return BITS((U##n)(code | (U##n)quiet), T##n); }              \
  BUILTIN T##n nan(S##n code) { return nan(BITS(code, U##n)); }
ALL_WIDTHS(NAN_WIDTH, half, ushort, short, 0x7e00)
ALL_WIDTHS(NAN_WIDTH, float, uint, int, 0x7fc00000)
ALL_WIDTHS(NAN_WIDTH, double, ulong, long, 0x7ff8000000000000)

// Numbers in order of their bits: negative ones count down from zero.
#define NEXTAFTER(T, I, sign)                                                                 \
  BUILTIN T nextafter(T x, T y) {                                                             \
    I a = BITS(x, I), b = BITS(y, I);                                                         \
    I from = a < 0 ? (I)(sign) - a : a;                                                       \
    I to = b < 0 ? (I)(sign) - b : b;                                                         \
    I next = from + (I)(from < to) - (I)(from > to);                                          \
    next = next < 0 ? (I)(sign) - next : next;                                                \
    T result = from == to ? y : BITS(next, T);                                                \
    return x != x || y != y ? x + y : result;                                                 \
  }                                                                                           \
  BINARY(T, nextafter, T, T)
NEXTAFTER(half, short, 0x8000)
NEXTAFTER(float, int, 0x80000000)
NEXTAFTER(double, long, 0x8000000000000000)

// 2^n for -1022 <= n <= 1023.
PART double power_of_two(int n) { return BITS((long)(n + 1023) << 52, double); }

// The product with a power of two is exact in double, so only the conversion rounds.
BUILTIN float ldexp(float x, int n) {
  n = n < -400 ? -400 : n > 400 ? 400 : n;
  return (float)((double)x * power_of_two(n));
}

// Steps are chosen such that all products but the last are exact.
BUILTIN double ldexp(double x, int n) {
  n = n < -2200 ? -2200 : n > 2200 ? 2200 : n;
  if (UNLIKELY(n > 1023)) {
    x *= 0x1p1023;
    n -= 1023;
    if (n > 1023) {
      x *= 0x1p1023;
      n -= 1023;
    }
    n = n > 1023 ? 1023 : n;
  } else if (UNLIKELY(n < -1022)) {
    x *= 0x1p-969;
    n += 969;
    if (n < -1022) {
      x *= 0x1p-969;
      n += 969;
    }
    n = n < -1022 ? -1022 : n;
  }
  return x * power_of_two(n);
}
BINARY(float, ldexp, float, int)
BINARY(double, ldexp, double, int)
VECTOR_SCALAR(float, ldexp, float, int)
VECTOR_SCALAR(double, ldexp, double, int)

// Splits a finite nonzero double into a fraction in [1, 2) with its sign and an exponent.
PART double normalized_parts(double x, __private int *exponent) {
  int shift = 0;
  if (UNLIKELY(__builtin_fabs(x) < 0x1p-1022)) {
    x *= 0x1p54;
    shift = 54;
  }
  long bits = BITS(x, long);
  *exponent = (int)((bits >> 52) & 0x7ff) - 1023 - shift;
  return BITS((bits & 0x800fffffffffffff) | 0x3ff0000000000000, double);
}
PART bool finite_nonzero(double x) { return x - x == 0 && x != 0; }

PART double frexp_parts(double x, __private int *exponent) {
  int n;
  double fraction = normalized_parts(x, &n);
  bool ordinary = finite_nonzero(x);
  *exponent = ordinary ? n + 1 : 0;
  return ordinary ? fraction * 0.5 : x;
}
PART float frexp_parts(float x, __private int *exponent) {
  return (float)frexp_parts((double)x, exponent);
}
UNARY_OUT(float, frexp, int)
UNARY_OUT(double, frexp, int)

BUILTIN int ilogb(double x) {
  int n;
  normalized_parts(x, &n);
  n = x - x != 0 ? INT_MAX : n;
  return x == 0 ? FP_ILOGB0 : x != x ? FP_ILOGBNAN : n;
}
BUILTIN int ilogb(float x) { return ilogb((double)x); }
UNARY(int, ilogb, float)
UNARY(int, ilogb, double)

BUILTIN double logb(double x) {
  int n;
  normalized_parts(x, &n);
  double magnitude = __builtin_fabs(x);
  double result = x - x == 0 ? (double)n : magnitude;
  return x == 0 ? -__builtin_inf() : result;
}
BUILTIN float logb(float x) { return (float)logb((double)x); }
UNARY_FLOATING(logb)
