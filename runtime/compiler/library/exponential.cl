// exp, exp2, exp10, expm1. Float: polynomials; double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

// Keeps NaN. Outside the bounds the result is zero or infinity anyway.
PART double bounded_wide(double x, double low, double high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

BUILTIN float exp(float x) {
  float t = FMA(x, 0x1.715476p+0f, ROUNDER);
  float n = t - ROUNDER;
  float r = FMA(n, 0x1.05c61p-29f, FMA(n, -0x1.62e43p-1f, x));
  return exp_result(x, r, t, 0x1.715476p+0f);
}
BUILTIN float exp2(float x) { return power_of_two(x); }
BUILTIN float exp10(float x) {
  float t = FMA(x, 0x1.a934fp+1f, ROUNDER);
  float n = t - ROUNDER;
  float f = FMA(n, 0x1.ec10cp-27f, FMA(n, -0x1.344136p-2f, x));
  return exp_result(x, f * 0x1.26bb1cp+1f, t, 0x1.a934fp+1f);
}
BUILTIN float expm1(float x) {
  double wide = bounded_wide(x, -110.0, 100.0);
  double small = FMA(wide * wide, 0.5, wide);
  double result = absolute(wide) < 0x1p-12 ? small : exp_wide(wide) - 1.0;
  return (float)result;
}

HOST_UNARY(exp)
HOST_UNARY(exp2)
HOST_UNARY(exp10)
HOST_UNARY(expm1)

UNARY_FLOATING(exp)
UNARY_FLOATING(exp2)
UNARY_FLOATING(exp10)
UNARY_FLOATING(expm1)
