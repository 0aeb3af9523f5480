// rsqrt. The compiler may estimate the quotients of floats: they are tolerant of 2.5 ulp.

#include "overload.h"
#include "elementary.h"

#define RECIPROCAL_ROOT_WIDTH(n, T)                                                           \
  BUILTIN T##n rsqrt(T##n x) { return (T##n)1 / __builtin_elementwise_sqrt(x); }
ALL_WIDTHS(RECIPROCAL_ROOT_WIDTH, float)

// Quadruples the bits of y, which is about 1 / sqrt(x).
PART double better(double y, double x) {
  double error = FMA(-(x * y), y, 1.0);
  double p = FMA(FMA(0.3125, error, 0.375), error, 0.5);
  return FMA(y * error, p, y);
}
// From an estimate by half of the exponent, good to 5 bits.
BUILTIN double rsqrt(double x) {
  double y = BITS(0x5fe6eb50c7b537a9 - (BITS(x, long) >> 1), double);
  y = better(better(y, x), x);
  if (UNLIKELY(!positive_normal(x)))
    y = 1.0 / __builtin_sqrt(x);
  return y;
}
UNARY(double, rsqrt, double)
