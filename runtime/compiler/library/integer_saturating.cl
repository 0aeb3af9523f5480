// Integer arithmetic with saturation: add_sat, sub_sat, mad_sat.

#include "overload.h"

#define ADD_SUB_WIDTH(n, T)                                                                   \
  BUILTIN T##n add_sat(T##n x, T##n y) { return __builtin_elementwise_add_sat(x, y); }        \
  BUILTIN T##n sub_sat(T##n x, T##n y) { return __builtin_elementwise_sub_sat(x, y); }

typedef _BitInt(128) wide;
typedef unsigned _BitInt(128) uwide;

// The operations on small scalars would be promoted to int, which does not saturate there.
#define ADD_SUB_SMALL(T, lowest, highest)                                                     \
  PART T saturated_##T(int x) { return (T)(x < lowest ? lowest : x > highest ? highest : x); }    \
  BUILTIN T add_sat(T x, T y) { return saturated_##T((int)x + (int)y); }                      \
  BUILTIN T sub_sat(T x, T y) { return saturated_##T((int)x - (int)y); }                      \
  EACH_WIDTH(ADD_SUB_WIDTH, T)

#define MAD_SAT(T, WIDE, lowest, highest)                                                     \
  BUILTIN T mad_sat(T x, T y, T z) {                                                          \
    WIDE sum = (WIDE)x * (WIDE)y + (WIDE)z;                                                   \
    return sum < (WIDE)(lowest) ? (T)(lowest) : sum > (WIDE)(highest) ? (T)(highest) : (T)sum; \
  }                                                                                           \
  TERNARY(T, mad_sat, T, T, T)

ADD_SUB_SMALL(char, CHAR_MIN, CHAR_MAX)
ADD_SUB_SMALL(uchar, 0, UCHAR_MAX)
ADD_SUB_SMALL(short, SHRT_MIN, SHRT_MAX)
ADD_SUB_SMALL(ushort, 0, USHRT_MAX)
ALL_WIDTHS(ADD_SUB_WIDTH, int)
ALL_WIDTHS(ADD_SUB_WIDTH, uint)
ALL_WIDTHS(ADD_SUB_WIDTH, long)
ALL_WIDTHS(ADD_SUB_WIDTH, ulong)

MAD_SAT(char, int, CHAR_MIN, CHAR_MAX)
MAD_SAT(uchar, int, 0, UCHAR_MAX)
MAD_SAT(short, int, SHRT_MIN, SHRT_MAX)
MAD_SAT(ushort, long, 0, USHRT_MAX)
MAD_SAT(int, long, INT_MIN, INT_MAX)
MAD_SAT(uint, ulong, 0, UINT_MAX)
MAD_SAT(long, wide, LONG_MIN, LONG_MAX)
MAD_SAT(ulong, uwide, 0, ULONG_MAX)
