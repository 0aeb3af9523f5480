// log, log2, log10, log1p. Float: polynomials; everything but positive normal numbers takes the
// host's function. Double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

PART bool positive_normal(float x) {
  return (uint)(BITS(x, int) - 0x00800000) < 0x7f000000u;
}
// x = 2^exponent (1 + f) with f in [-1/3, 1/3].
PART float reduce_power(float x, __private float *exponent) {
  int n = (BITS(x, int) - 0x3f2aaaab) >> 23;
  *exponent = (float)n;
  return BITS(BITS(x, int) - (n << 23), float) - 1.0f;
}
// log(1 + f) - f
PART float log_tail(float f) {
  float p = FMA(-0.128743261f, f, 0.139869481f);
  p = FMA(p, f, -0.12188375f);
  p = FMA(p, f, 0.140053019f);
  p = FMA(p, f, -0.166801795f);
  p = FMA(p, f, 0.20010446f);
  p = FMA(p, f, -0.249998048f);
  p = FMA(p, f, 0.333332151f);
  p = FMA(p, f, -0.5f);
  return p * f * f;
}

BUILTIN float log(float x) {
  float e;
  float f = reduce_power(x, &e);
  float low = FMA(e, -0x1.05c61p-29f, log_tail(f));
  float result = FMA(e, 0x1.62e43p-1f, f + low);
  if (UNLIKELY(!positive_normal(x)))
    result = (float)isocl_host_log(x);
  return result;
}
// Logarithm to another base: (f + tail) * factor, the factor in two parts.
BUILTIN float log2(float x) {
  float e;
  float f = reduce_power(x, &e);
  float tail = log_tail(f);
  float low = FMA(f, 0x1.4ae0cp-26f, tail * 0x1.715476p+0f);
  float result = e + FMA(f, 0x1.715476p+0f, low);
  if (UNLIKELY(!positive_normal(x)))
    result = (float)isocl_host_log2(x);
  return result;
}
BUILTIN float log10(float x) {
  float e;
  float f = reduce_power(x, &e);
  float tail = log_tail(f);
  float low = FMA(f, -0x1.5b235ep-27f, tail * 0x1.bcb7b2p-2f);
  low = FMA(e, -0x1.ec10cp-27f, low);
  float result = FMA(e, 0x1.344136p-2f, FMA(f, 0x1.bcb7b2p-2f, low));
  if (UNLIKELY(!positive_normal(x)))
    result = (float)isocl_host_log10(x);
  return result;
}
BUILTIN float log1p(float x) {
  float a = absolute(x);
  float result = a < 0x1p-24f ? x : (float)log_wide(1.0 + (double)x);
  if (UNLIKELY(!(x > -1.0f && a < INFINITE_FLOAT)))
    result = (float)isocl_host_log1p(x);
  return result;
}

HOST_UNARY(log)
HOST_UNARY(log2)
HOST_UNARY(log10)
HOST_UNARY(log1p)

UNARY_FLOATING(log)
UNARY_FLOATING(log2)
UNARY_FLOATING(log10)
UNARY_FLOATING(log1p)
