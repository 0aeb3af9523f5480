// sinh, cosh, tanh and their inverses. Float: through exp(x) - 1 and log(1 + x), which lose nothing of
// small arguments; double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

// Smaller ones are their own sines and tangents.
#define SMALL 0x1p-12f

// (e^a - e^-a) / 2, by way of a quarter of e^a - 1: that is finite where the result is.
BUILTIN float sinh(float x) {
  float a = absolute(x);
  float quarter = expm1_scaled(a < 89.5f ? a : 89.5f, 0.25f);
  float result = 2.0f * (quarter + quarter / FMA(4.0f, quarter, 1.0f));
  return a > SMALL ? __builtin_copysignf(result, x) : x;
}
BUILTIN float cosh(float x) {
  float a = absolute(x);
  float t, r = reduce_exp(a < 89.5f ? a : 89.5f, &t);
  float quarter = scale_normal(0.25f * exp_kernel(r), t);
  float result = 2.0f * (quarter + 0.0625f / quarter);
  return x != x ? x : result;
}
BUILTIN float tanh(float x) {
  float a = absolute(x);
  float e = expm1_scaled(a < 10.0f ? 2.0f * a : 20.0f, 1.0f);
  return a > SMALL ? __builtin_copysignf(e / (e + 2.0f), x) : x;
}

// Of larger ones the square is all that matters in the root of a square more or less one.
#define LARGE 0x1p40f

BUILTIN float asinh(float x) {
  float a = absolute(x);
  bool large = a > LARGE;
  float sum = a + a * a / (1.0f + __builtin_sqrtf(FMA(a, a, 1.0f)));
  float result = log1p_scaled(large ? a : sum, large ? 1.0f : 0.0f);
  return __builtin_copysignf(result, x);
}
BUILTIN float acosh(float x) {
  float d = x - 1.0f;
  bool large = d > LARGE;
  float sum = d + __builtin_sqrtf(FMA(d, d, 2.0f * d));
  float result = log1p_scaled(large ? d : sum, large ? 1.0f : 0.0f);
  return x < 1.0f ? NAN_FLOAT : result;
}
BUILTIN float atanh(float x) {
  float a = absolute(x);
  return __builtin_copysignf(0.5f * log1p_scaled(2.0f * a / (1.0f - a), 0.0f), x);
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
