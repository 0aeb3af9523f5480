// Operations on the bits of integers: clz, ctz, popcount, rotate, upsample.

#include "overload.h"

#define COUNT(T, U, bits)                                                                     \
  BUILTIN T clz(T x) { return (T)__builtin_clzg(BITS(x, U), bits); }                          \
  BUILTIN T ctz(T x) { return (T)__builtin_ctzg(BITS(x, U), bits); }                          \
  BUILTIN T popcount(T x) { return (T)__builtin_popcountg(BITS(x, U)); }                      \
  UNARY(T, clz, T)                                                                            \
  UNARY(T, ctz, T)                                                                            \
  UNARY(T, popcount, T)                                                                       \
  ALL_WIDTHS(ROTATE_WIDTH, T, U, bits)

// The shift counts are taken modulo the width, so a count of zero is no special case.
#define ROTATE_WIDTH(n, T, U, bits)                                                           \
  BUILTIN T##n rotate(T##n x, T##n count) {                                                   \
    U##n value = BITS(x, U##n);                                                               \
    U##n left = BITS(count, U##n) & (U##n)(bits - 1);                                         \
    U##n right = ((U##n)0 - left) & (U##n)(bits - 1);                                         \
    return BITS((U##n)((value << left) | (value >> right)), T##n);                            \
  }

COUNT(char, uchar, 8)
COUNT(uchar, uchar, 8)
COUNT(short, ushort, 16)
COUNT(ushort, ushort, 16)
COUNT(int, uint, 32)
COUNT(uint, uint, 32)
COUNT(long, ulong, 64)
COUNT(ulong, ulong, 64)

#define UPSAMPLE(R, H, L, bits)                                                               \
  BUILTIN R upsample(H high, L low) { return (R)(((R)high << bits) | (R)low); }               \
  EACH_WIDTH(UPSAMPLE_WIDTH, R, H, L)
#define UPSAMPLE_WIDTH(n, R, H, L)                                                            \
  BUILTIN R##n upsample(H##n x, L##n y) { return (R##n)(LANES_##n(LANE_2, upsample)); }

UPSAMPLE(short, char, uchar, 8)
UPSAMPLE(ushort, uchar, uchar, 8)
UPSAMPLE(int, short, ushort, 16)
UPSAMPLE(uint, ushort, ushort, 16)
UPSAMPLE(long, int, uint, 32)
UPSAMPLE(ulong, uint, uint, 32)
