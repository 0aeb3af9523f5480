// shuffle and shuffle2. Only the low bits of a mask component that can select one are used.

#include "overload.h"

#define LANE_SHUFFLE(i, m) x[(mask.s##i & (m - 1))]
#define LANE_SHUFFLE2(i, m) both[(mask.s##i & (2 * m - 1))]
#define SHUFFLE(n, m, T, U)                                                                   \
  BUILTIN T##n shuffle(T##m x, U##n mask) {                                                   \
    return (T##n)(LANES_##n(LANE_SHUFFLE, m));                                                \
  }                                                                                           \
  BUILTIN T##n shuffle2(T##m x, T##m y, U##n mask) {                                          \
    typedef T both_type __attribute__((ext_vector_type(2 * m)));                              \
    both_type both = BOTH_##m(x, y);                                               \
    return (T##n)(LANES_##n(LANE_SHUFFLE2, m));                                               \
  }
#define BOTH_2(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3)
#define BOTH_4(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7)
#define BOTH_8(x, y)                                                                    \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define BOTH_16(x, y)                                                                   \
  __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, \
                          18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31)
#define SHUFFLE_FROM(m, T, U)                                                                 \
  SHUFFLE(2, m, T, U) SHUFFLE(4, m, T, U) SHUFFLE(8, m, T, U) SHUFFLE(16, m, T, U)
#define SHUFFLE_TYPE(T, U, ...)                                                               \
  SHUFFLE_FROM(2, T, U) SHUFFLE_FROM(4, T, U) SHUFFLE_FROM(8, T, U) SHUFFLE_FROM(16, T, U)

EACH_INTEGER(SHUFFLE_TYPE)
SHUFFLE_TYPE(half, ushort)
SHUFFLE_TYPE(float, uint)
SHUFFLE_TYPE(double, ulong)
