// log, log2, log10, log1p: polynomials without branches, but for the double log2 and log10, which are
// the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

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

// The logarithm of x * 2^offset, for positive normal x.
PART double log_scaled(double x, double offset) {
  long exponent;
  double f = reduce_power_wide(x, &exponent);
  return log_sum(small_integer(exponent) + offset, f, 0.0);
}
BUILTIN double log(double x) {
  double result = log_scaled(x, 0.0);
  if (UNLIKELY(!positive_normal(x)))
    result = log_result(x, log_scaled(x * 0x1p54, -54.0));
  return result;
}
BUILTIN double log1p(double x) {
  double sum = 1.0 + x;
  double rest = x < 1.0 ? x - (sum - 1.0) : 1.0 - (sum - x);
  long exponent;
  double f = reduce_power_wide(sum, &exponent);
  rest *= BITS((1023 - exponent) << 52, double);
  rest = x < 0x1p60 ? FMA(-rest, f, rest) : 0.0;
  // Here f and the rest are x.
  bool is_near = exponent == 0;
  double result = log_sum(small_integer(exponent), is_near ? x : f, is_near ? 0.0 : rest);
  return x == 0 ? x : log_result(sum, result);
}

HOST_UNARY(log2)
HOST_UNARY(log10)

UNARY_FLOATING(log)
UNARY_FLOATING(log2)
UNARY_FLOATING(log10)
UNARY_FLOATING(log1p)
