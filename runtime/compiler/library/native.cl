// native_ and half_ functions on float: short polynomials over the range where they matter.
// half_ functions promise 11 bits, native_ ones whatever is fast; here both are the same.

#include "overload.h"
#include "elementary.h"

#define BOTH_UNARY(name)                                                                      \
  BUILTIN float native_##name(float x) { return fast_##name(x); }                             \
  BUILTIN float half_##name(float x) { return fast_##name(x); }                               \
  UNARY(float, native_##name, float)                                                          \
  UNARY(float, half_##name, float)
#define BOTH_BINARY(name)                                                                     \
  BUILTIN float native_##name(float x, float y) { return fast_##name(x, y); }                 \
  BUILTIN float half_##name(float x, float y) { return fast_##name(x, y); }                   \
  BINARY(float, native_##name, float, float)                                                  \
  BINARY(float, half_##name, float, float)

PART float fast_exp2(float x) { return power_of_two(x); }
PART float fast_exp(float x) {
  float t = FMA(x, 0x1.715476p+0f, ROUNDER);
  return exp_result(x, FMA(t - ROUNDER, -0x1.62e43p-1f, x), t, 0x1.715476p+0f);
}
PART float fast_exp10(float x) {
  float t = FMA(x, 0x1.a934fp+1f, ROUNDER);
  float r = FMA(t - ROUNDER, -0x1.344136p-2f, x) * 0x1.26bb1cp+1f;
  return exp_result(x, r, t, 0x1.a934fp+1f);
}
PART float fast_log(float x) {
  float e;
  float f = reduce_power(x, &e);
  return log_result(x, FMA(e, 0x1.62e43p-1f, f + log_tail(f)));
}
PART float fast_log2(float x) { return fast_log(x) * 0x1.715476p+0f; }
PART float fast_log10(float x) { return fast_log(x) * 0x1.bcb7b2p-2f; }
// Far outside of the range in which these are defined, zero is as good as any other argument; a
// result beyond 1 would not be. Infinity and NaN become NaN.
PART float near_zero(float x) { return absolute(x) < 0x1p22f ? x : x - x; }
PART float fast_sin(float x) {
  int quadrant;
  float r = reduce_quadrant(near_zero(x), &quadrant);
  return sin_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
}
PART float fast_cos(float x) {
  int quadrant;
  float r = reduce_quadrant(near_zero(x), &quadrant);
  return cos_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
}
PART float fast_tan(float x) { return fast_sin(x) / fast_cos(x); }
PART float fast_sqrt(float x) { return __builtin_sqrtf(x); }
BUILTIN float rsqrt(float x);
PART float fast_rsqrt(float x) { return rsqrt(x); }
PART float fast_recip(float x) { return 1.0f / x; }
PART float fast_divide(float x, float y) { return x / y; }
PART float fast_powr(float x, float y) { return fast_exp2(y * fast_log2(x)); }

BOTH_UNARY(exp)
BOTH_UNARY(exp2)
BOTH_UNARY(exp10)
BOTH_UNARY(log)
BOTH_UNARY(log2)
BOTH_UNARY(log10)
BOTH_UNARY(sin)
BOTH_UNARY(cos)
BOTH_UNARY(tan)
BOTH_UNARY(sqrt)
BOTH_UNARY(rsqrt)
BOTH_UNARY(recip)
BOTH_BINARY(divide)
BOTH_BINARY(powr)
