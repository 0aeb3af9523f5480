// Relational functions on floating point. Scalars give 1 for true, vectors give -1 (all bits).

#include "overload.h"

#define RELATION_WIDTH(n, T, I, R)                                                            \
  BUILTIN R##n isequal(T##n x, T##n y) { return x == y; }                                     \
  BUILTIN R##n isnotequal(T##n x, T##n y) { return x != y; }                                  \
  BUILTIN R##n isgreater(T##n x, T##n y) { return x > y; }                                    \
  BUILTIN R##n isgreaterequal(T##n x, T##n y) { return x >= y; }                              \
  BUILTIN R##n isless(T##n x, T##n y) { return x < y; }                                       \
  BUILTIN R##n islessequal(T##n x, T##n y) { return x <= y; }                                 \
  BUILTIN R##n islessgreater(T##n x, T##n y) { return (x < y) | (x > y); }                    \
  BUILTIN R##n isordered(T##n x, T##n y) { return (x == x) & (y == y); }                      \
  BUILTIN R##n isunordered(T##n x, T##n y) { return (x != x) | (y != y); }                    \
  BUILTIN R##n isnan(T##n x) { return x != x; }                                               \
  BUILTIN R##n isfinite(T##n x) { return MAGNITUDE(n, T, I) < EXPONENT(n, T, I); }            \
  BUILTIN R##n isinf(T##n x) { return MAGNITUDE(n, T, I) == EXPONENT(n, T, I); }              \
  BUILTIN R##n isnormal(T##n x) {                                                             \
    return (MAGNITUDE(n, T, I) < EXPONENT(n, T, I)) &                                         \
           (MAGNITUDE(n, T, I) >= (I##n)SMALLEST_NORMAL_##T);                                 \
  }                                                                                           \
  BUILTIN R##n signbit(T##n x) { return BITS(x, I##n) < (I##n)0; }

// Bits of x without the sign, and the exponent bits alone, which are infinity's.
#define MAGNITUDE(n, T, I)                                                                    \
  ((I##n)(BITS(x, I##n) & ~((I##n)1 << (I##n)(sizeof(I) * 8 - 1))))
#define EXPONENT(n, T, I) ((I##n)EXPONENT_##T)
#define EXPONENT_half 0x7c00
#define EXPONENT_float 0x7f800000
#define EXPONENT_double 0x7ff0000000000000
#define SMALLEST_NORMAL_half 0x0400
#define SMALLEST_NORMAL_float 0x00800000
#define SMALLEST_NORMAL_double 0x0010000000000000

RELATION_WIDTH(, half, short, int)
RELATION_WIDTH(, float, int, int)
RELATION_WIDTH(, double, long, int)
EACH_WIDTH(RELATION_WIDTH, half, short, short)
EACH_WIDTH(RELATION_WIDTH, float, int, int)
EACH_WIDTH(RELATION_WIDTH, double, long, long)

// any and all look at the most significant bit of each component.
#define LANE_JOIN(i, op) op x.s##i
#define ANY_ALL_WIDTH(n, T)                                                                   \
  BUILTIN int any(T##n x) { return ((T)(0 STEPS_##n(LANE_JOIN, |))) < 0; }                      \
  BUILTIN int all(T##n x) { return ((T)(-1 STEPS_##n(LANE_JOIN, &))) < 0; }
#define ANY_ALL(T)                                                                            \
  BUILTIN int any(T x) { return x < 0; }                                                      \
  BUILTIN int all(T x) { return x < 0; }                                                      \
  EACH_WIDTH(ANY_ALL_WIDTH, T)
ANY_ALL(char)
ANY_ALL(short)
ANY_ALL(int)
ANY_ALL(long)
