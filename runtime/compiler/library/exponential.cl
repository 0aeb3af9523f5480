// exp, exp2, exp10, expm1: polynomials, but for the double exp2 and exp10, which are the host's functions.

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

BUILTIN double exp(double x) {
  double t, rest, r = reduce_exponent(bounded_wide(x, -750.0, 715.0), &t, &rest);
  return scale_wide(1.0 + (r + (exp_tail(r) + rest)), t);
}
// 2^n (1 + r + tail) - 1, by way of its half: the power may overflow where the result does not.
BUILTIN double expm1(double x) {
  double t, rest, r = reduce_exponent(bounded_wide(x, -50.0, 709.79), &t, &rest);
  double tail = exp_tail(r) + rest;
  double power = scale_wide(0.5, t);
  double result = 2.0 * FMA(power, tail, FMA(power, r, power - 0.5));
  result = t == ROUNDER_WIDE ? r + tail : result;
  return x == 0 ? x : result;
}

HOST_UNARY(exp2)
HOST_UNARY(exp10)

UNARY_FLOATING(exp)
UNARY_FLOATING(exp2)
UNARY_FLOATING(exp10)
UNARY_FLOATING(expm1)
