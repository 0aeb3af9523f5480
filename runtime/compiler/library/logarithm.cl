// log, log2, log10, log1p: polynomials.

#include "overload.h"
#include "elementary.h"

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
// NAME of x * 2^offset, for positive normal x, and NAME itself.
#define LOGARITHM(name, sum)                                                                  \
  PART double name##_scaled(double x, double offset) {                                        \
    long exponent;                                                                            \
    double f = reduce_power_wide(x, &exponent), n = small_integer(exponent) + offset;         \
    return sum;                                                                               \
  }                                                                                           \
  BUILTIN double name(double x) {                                                             \
    double result = name##_scaled(x, 0.0);                                                    \
    if (UNLIKELY(!positive_normal(x)))                                                        \
      result = log_result(x, name##_scaled(x * 0x1p54, -54.0));                               \
    return result;                                                                            \
  }
LOGARITHM(log, log_sum(n, f, 0.0))
LOGARITHM(log2, log_sum_of_base(n, f, 1.0, 0.0, 0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56))
LOGARITHM(log10, log_sum_of_base(n, f, 0x1.34413509f6p-2, 0x1.9fef311f12b36p-42,
                                 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57))
#define LOG1P(T)                                                                              \
  BUILTIN T log1p(T x) { return __builtin_elementwise_copysign(log1p_scaled(x, (T)0), x); }
LOG1P(float)
LOG1P(double)

UNARY_FLOATING(log)
UNARY_FLOATING(log2)
UNARY_FLOATING(log10)
UNARY_FLOATING(log1p)
