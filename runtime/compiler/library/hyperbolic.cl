// sinh, cosh, tanh and their inverses. Float: through exp or log in double, with the first terms
// of the series where those cancel; double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

// Below this the third term of each series is beyond single precision.
#define SERIES 0x1p-11

BUILTIN float sinh(float x) {
  double a = absolute((double)x);
  a = a > 100.0 ? 100.0 : a;
  double e = exp_wide(a);
  double result = a < SERIES ? FMA(a * a * a, 1.0 / 6, a) : 0.5 * (e - 1.0 / e);
  return __builtin_copysignf((float)result, x);
}
BUILTIN float cosh(float x) {
  double a = absolute((double)x);
  a = a > 100.0 ? 100.0 : a;
  double e = exp_wide(a);
  return (float)(0.5 * (e + 1.0 / e));
}
BUILTIN float tanh(float x) {
  double a = absolute((double)x);
  a = a > 20.0 ? 20.0 : a;
  double result = a < SERIES ? FMA(a * a * a, -1.0 / 3, a) : 1.0 - 2.0 / (exp_wide(2.0 * a) + 1.0);
  return __builtin_copysignf((float)result, x);
}

BUILTIN float asinh(float x) {
  double a = absolute((double)x);
  double result = log_wide(a + __builtin_sqrt(FMA(a, a, 1.0)));
  result = a < SERIES ? FMA(a * a * a, -1.0 / 6, a) : result;
  /* Infinity and NaN are their own results. */
  result = a - a == 0 ? result : a;
  return __builtin_copysignf((float)result, x);
}
BUILTIN float acosh(float x) {
  double d = (double)x - 1.0;
  double result = log_wide(1.0 + (d + __builtin_sqrt(FMA(d, d, 2.0 * d))));
  result = d - d == 0 ? result : d;
  return x < 1.0f ? NAN_FLOAT : (float)result;
}
BUILTIN float atanh(float x) {
  double a = absolute((double)x);
  double result = 0.5 * log_wide((1.0 + a) / (1.0 - a));
  result = a < SERIES ? FMA(a * a * a, 1.0 / 3, a) : result;
  result = a < 1.0 ? result : a == 1.0 ? __builtin_inf() : __builtin_nan("");
  return __builtin_copysignf((float)result, x);
}

HOST_UNARY(sinh)
HOST_UNARY(cosh)
HOST_UNARY(tanh)
HOST_UNARY(asinh)
HOST_UNARY(acosh)
HOST_UNARY(atanh)

UNARY_FLOATING(sinh)
UNARY_FLOATING(cosh)
UNARY_FLOATING(tanh)
UNARY_FLOATING(asinh)
UNARY_FLOATING(acosh)
UNARY_FLOATING(atanh)
