// exp, exp2, exp10, expm1.

#include "overload.h"
#include "elementary.h"

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
BUILTIN double exp(double x) {
  double t, r = reduce_exp(x, &t);
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
// By way of its half, which is finite where it is; beyond the bounds it is -1 or infinite. NaN becomes a
// number for now.
#define EXPM1(T, least, most, small)                                                          \
  BUILTIN T expm1(T x) {                                                                      \
    T bounded = x < most ? x : most;                                                          \
    bounded = bounded > least ? bounded : least;                                              \
    T result = 2 * expm1_scaled(bounded, (T)0.5);                                             \
    return absolute(x) > small ? result : x;                                                  \
  }
EXPM1(float, -20.0f, 89.0f, 0x1p-25f)
EXPM1(double, -50.0, 709.9, 0x1p-54)

UNARY_FLOATING(exp)
UNARY_FLOATING(exp2)
UNARY_FLOATING(exp10)
UNARY_FLOATING(expm1)
