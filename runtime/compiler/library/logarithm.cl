// log, log2, log10, log1p. Float: polynomials without branches; double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

// x = 2^exponent (1 + f) with f in [-1/3, 1/3], for positive finite x.
PART float reduce_power(float x, __private float *exponent) {
  bool denormal = x < 0x1p-126f;
  float scaled = denormal ? x * 0x1p24f : x;
  int n = (BITS(scaled, int) - 0x3f2aaaab) >> 23;
  *exponent = (float)(denormal ? n - 24 : n);
  return BITS(BITS(scaled, int) - (n << 23), float) - 1.0f;
}
// The result where the argument is not positive and finite.
PART float log_result(float x, float result) {
  result = x < INFINITE_FLOAT ? result : x;
  result = x == 0 ? -INFINITE_FLOAT : result;
  return x < 0 ? NAN_FLOAT : result;
}
// log(1 + f) - f
PART float log_tail(float f) {
  float f2 = f * f;
  float high = FMA(FMA(-0.128743261f, f, 0.139869481f), f2, FMA(-0.12188375f, f, 0.140053019f));
  float low = FMA(FMA(-0.166801795f, f, 0.20010446f), f2, FMA(-0.249998048f, f, 0.333332151f));
  float p = FMA(FMA(high, f2 * f2, low), f, -0.5f);
  return p * f2;
}

BUILTIN float log(float x) {
  float e;
  float f = reduce_power(x, &e);
  float low = FMA(e, -0x1.05c61p-29f, log_tail(f));
  return log_result(x, FMA(e, 0x1.62e43p-1f, f + low));
}
// Logarithm to another base: (f + tail) * factor, the factor in two parts.
BUILTIN float log2(float x) {
  float e;
  float f = reduce_power(x, &e);
  float tail = log_tail(f);
  float low = FMA(f, 0x1.4ae0cp-26f, tail * 0x1.715476p+0f);
  return log_result(x, e + FMA(f, 0x1.715476p+0f, low));
}
BUILTIN float log10(float x) {
  float e;
  float f = reduce_power(x, &e);
  float tail = log_tail(f);
  float low = FMA(f, -0x1.5b235ep-27f, tail * 0x1.bcb7b2p-2f);
  low = FMA(e, -0x1.ec10cp-27f, low);
  return log_result(x, FMA(e, 0x1.344136p-2f, FMA(f, 0x1.bcb7b2p-2f, low)));
}
BUILTIN float log1p(float x) {
  // Below this, x is its own logarithm; above, the sum's rounding does not matter.
  float result = absolute(x) < 0x1p-24f ? x : (float)log_wide(1.0 + (double)x);
  result = x < INFINITE_FLOAT ? result : x;
  result = x == -1.0f ? -INFINITE_FLOAT : result;
  return x < -1.0f ? NAN_FLOAT : result;
}

HOST_UNARY(log)
HOST_UNARY(log2)
HOST_UNARY(log10)
HOST_UNARY(log1p)

UNARY_FLOATING(log)
UNARY_FLOATING(log2)
UNARY_FLOATING(log10)
UNARY_FLOATING(log1p)
