// select and bitselect.

#include "overload.h"

#define SELECT_WIDTH(n, T, S, U)                                                              \
  BUILTIN T##n select(T##n x, T##n y, S##n choice) { return choice < (S##n)0 ? y : x; }       \
  BUILTIN T##n select(T##n x, T##n y, U##n choice) {                                          \
    return BITS(choice, S##n) < (S##n)0 ? y : x;                                              \
  }
#define BITSELECT_WIDTH(n, T, U)                                                              \
  BUILTIN T##n bitselect(T##n x, T##n y, T##n mask) {                                         \
    U##n bits = BITS(mask, U##n);                                                             \
    return BITS((U##n)((BITS(x, U##n) & ~bits) | (BITS(y, U##n) & bits)), T##n);              \
  }
// A scalar is chosen by any bit, a vector component by its most significant bit.
#define SELECT(T, S, U)                                                                       \
  BUILTIN T select(T x, T y, S choice) { return choice ? y : x; }                             \
  BUILTIN T select(T x, T y, U choice) { return choice ? y : x; }                             \
  EACH_WIDTH(SELECT_WIDTH, T, S, U)                                                           \
  ALL_WIDTHS(BITSELECT_WIDTH, T, U)

SELECT(char, char, uchar)
SELECT(uchar, char, uchar)
SELECT(short, short, ushort)
SELECT(ushort, short, ushort)
SELECT(int, int, uint)
SELECT(uint, int, uint)
SELECT(long, long, ulong)
SELECT(ulong, long, ulong)
SELECT(half, short, ushort)
SELECT(float, int, uint)
SELECT(double, long, ulong)
