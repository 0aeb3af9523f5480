// Dot products: of floating-point vectors, and of four 8-bit integers as vectors or packed
// (cl_khr_integer_dot_product).

#include "dot.h"

EACH_DOT(BUILTIN, float)
EACH_DOT(BUILTIN, double)

// A sum of four products of 8 bits is exact in R; only adding to the accumulator saturates.
#define INTEGER_LANE_SUM(i, R) sum += (R)x.s##i * (R)y.s##i;
#define INTEGER_DOT(R, A, B, signs, lowest, highest)                                          \
  BUILTIN R dot(A##4 x, B##4 y) {                                                             \
    R sum = 0;                                                                                \
    STEPS_4(INTEGER_LANE_SUM, R) return sum;                                                  \
  }                                                                                           \
  BUILTIN R dot_acc_sat(A##4 x, B##4 y, R accumulator) {                                      \
    long sum = (long)dot(x, y) + (long)accumulator;                                           \
    return (R)(sum < lowest ? lowest : sum > highest ? highest : sum);                        \
  }                                                                                           \
  BUILTIN R dot_4x8packed_##signs##_##R(uint x, uint y) {                                     \
    return dot(BITS(x, A##4), BITS(y, B##4));                                                 \
  }                                                                                           \
  BUILTIN R dot_acc_sat_4x8packed_##signs##_##R(uint x, uint y, R accumulator) {              \
    return dot_acc_sat(BITS(x, A##4), BITS(y, B##4), accumulator);                            \
  }

INTEGER_DOT(uint, uchar, uchar, uu, 0L, (long)UINT_MAX)
INTEGER_DOT(int, char, char, ss, (long)INT_MIN, (long)INT_MAX)
INTEGER_DOT(int, uchar, char, us, (long)INT_MIN, (long)INT_MAX)
INTEGER_DOT(int, char, uchar, su, (long)INT_MIN, (long)INT_MAX)
