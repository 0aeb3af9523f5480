// Integer arithmetic without saturation: abs, abs_diff, hadd, rhadd, mul_hi, mad_hi, mul24, mad24.

#include "overload.h"

#define WIDTH(n, T, U)                                                                        \
  BUILTIN U##n abs(T##n x) { return BITS((T##n)__builtin_elementwise_abs(x), U##n); }          \
  BUILTIN U##n abs_diff(T##n x, T##n y) {                                                     \
    return BITS((T##n)__builtin_elementwise_max(x, y), U##n) -                                \
           BITS((T##n)__builtin_elementwise_min(x, y), U##n);                                 \
  }                                                                                           \
  BUILTIN T##n hadd(T##n x, T##n y) {                                                         \
    return (x & y) + ((x ^ y) >> (T##n)1);                                                    \
  }                                                                                           \
  BUILTIN T##n rhadd(T##n x, T##n y) {                                                        \
    return (x | y) - ((x ^ y) >> (T##n)1);                                                    \
  }

#define UNSIGNED_WIDTH(n, U)                                                                  \
  BUILTIN U##n abs(U##n x) { return x; }                                                      \
  BUILTIN U##n abs_diff(U##n x, U##n y) {                                                     \
    return __builtin_elementwise_max(x, y) - __builtin_elementwise_min(x, y);                 \
  }                                                                                           \
  BUILTIN U##n hadd(U##n x, U##n y) { return (x & y) + ((x ^ y) >> (U##n)1); }                \
  BUILTIN U##n rhadd(U##n x, U##n y) { return (x | y) - ((x ^ y) >> (U##n)1); }

#define TYPES(T, U) ALL_WIDTHS(WIDTH, T, U) ALL_WIDTHS(UNSIGNED_WIDTH, U)
TYPES(char, uchar)
TYPES(short, ushort)
TYPES(int, uint)
TYPES(long, ulong)

// WIDE holds every product of two T.
#define HIGH(T, WIDE, bits)                                                                   \
  BUILTIN T mul_hi(T x, T y) { return (T)(((WIDE)x * (WIDE)y) >> bits); }                     \
  BUILTIN T mad_hi(T x, T y, T z) { return (T)(mul_hi(x, y) + z); }                           \
  BINARY(T, mul_hi, T, T)                                                                     \
  TERNARY(T, mad_hi, T, T, T)

typedef _BitInt(128) wide;
typedef unsigned _BitInt(128) uwide;

HIGH(char, int, 8)
HIGH(uchar, uint, 8)
HIGH(short, int, 16)
HIGH(ushort, uint, 16)
HIGH(int, long, 32)
HIGH(uint, ulong, 32)
HIGH(long, wide, 64)
HIGH(ulong, uwide, 64)

// The result is only defined for 24-bit operands, for which the full product is the same.
#define LOW_BITS(n, T)                                                                        \
  BUILTIN T##n mul24(T##n x, T##n y) { return x * y; }                                        \
  BUILTIN T##n mad24(T##n x, T##n y, T##n z) { return x * y + z; }
ALL_WIDTHS(LOW_BITS, int)
ALL_WIDTHS(LOW_BITS, uint)
