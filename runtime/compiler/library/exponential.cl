// exp, exp2, exp10, expm1.

#include "overload.h"
#include "elementary.h"

// Keeps NaN. Outside the bounds the result is zero or infinity anyway.
PART double bounded_wide(double x, double low, double high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

BUILTIN float exp(float x) {
  float t, r = reduce_exp(x, &t);
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
  // Half of it is finite where it is. NaN becomes a number for now.
  float bounded = x < 89.0f ? x : 89.0f;
  bounded = bounded > -20.0f ? bounded : -20.0f;
  float result = 2.0f * expm1_scaled(bounded, 0.5f);
  return absolute(x) > 0x1p-25f ? result : x;
}

BUILTIN double exp(double x) {
  double t = FMA(x, 0x1.71547652b82fep+0, ROUNDER_WIDE);
  double n = t - ROUNDER_WIDE;
  double r = FMA(n, -0x1.abc9e3b39803fp-56, FMA(n, -0x1.62e42fefa39efp-1, x));
  return exp_result(x, r, t, 0x1.71547652b82fep+0);
}
BUILTIN double exp2(double x) {
  double t = x + ROUNDER_WIDE;
  return exp_result(x, (x - (t - ROUNDER_WIDE)) * 0x1.62e42fefa39efp-1, t, 1.0);
}
BUILTIN double exp10(double x) {
  double t = FMA(x, 0x1.a934f0979a371p+1, ROUNDER_WIDE);
  double n = t - ROUNDER_WIDE;
  double f = FMA(n, 0x1.9dc1da994fd21p-59, FMA(n, -0x1.34413509f79ffp-2, x));
  return exp_result(x, f * 0x1.26bb1bbb55516p+1, t, 0x1.a934f0979a371p+1);
}
// 2^n (1 + r + tail) - 1, by way of its half: the power may overflow where the result does not.
BUILTIN double expm1(double x) {
  double bounded = bounded_wide(x, -50.0, 709.79);
  double t = FMA(bounded, 0x1.71547652b82fep+0, ROUNDER_WIDE);
  double n = t - ROUNDER_WIDE;
  double most = FMA(n, -0x1.62e42feep-1, bounded);
  double r = FMA(n, -0x1.a39ef35793c76p-33, most);
  double rest = FMA(n, -0x1.a39ef35793c76p-33, most - r);
  double tail = FMA(exp_quotient(r), r * r, rest);
  double power = scale_wide(0.5, t);
  double result = 2.0 * FMA(power, tail, FMA(power, r, power - 0.5));
  result = t == ROUNDER_WIDE ? r + tail : result;
  return x == 0 ? x : result;
}

UNARY_FLOATING(exp)
UNARY_FLOATING(exp2)
UNARY_FLOATING(exp10)
UNARY_FLOATING(expm1)
