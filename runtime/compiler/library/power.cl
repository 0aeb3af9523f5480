// pow, pown, powr, rootn. Float: log and exp in double; special arguments take the host's pow.
// Double: the host's pow.

#include "overload.h"
#include "elementary.h"
#include "host.h"

// exp(y) rounded to float, for any y that is not NaN.
PART float exp_rounded(double y) {
  y = y < -120.0 ? -120.0 : y;
  y = y > 100.0 ? 100.0 : y;
  return (float)exp_wide(y);
}
PART bool positive_finite(float x) {
  return (uint)(BITS(x, int) - 1) < 0x7f7fffffu;
}
PART bool is_odd(int n) { return (n & 1) != 0; }

BUILTIN float pow(float x, float y) {
  float result = exp_rounded((double)y * log_wide(x));
  if (UNLIKELY(!(positive_finite(x) && absolute(y) < 0x1p60f)))
    result = (float)isocl_host_pow(x, y);
  return result;
}
BUILTIN float pown(float x, int n) {
  float a = absolute(x);
  float result = exp_rounded((double)n * log_wide(a));
  result = is_odd(n) ? __builtin_copysignf(result, x) : result;
  if (UNLIKELY(!positive_finite(a)))
    result = (float)isocl_host_pow(x, n);
  return result;
}
BUILTIN double pow(double x, double y) { return isocl_host_pow(x, y); }
BUILTIN double pown(double x, int n) { return isocl_host_pow(x, n); }

// powr is exp(y log x): undefined for negative x and wherever the product is 0 times infinity.
#define POWR(T)                                                                               \
  PART T powr_special(T x, T y) {                                                             \
    T infinity = (T)__builtin_inf();                                                          \
    bool undefined = x < 0 || x != x || y != y || ((x == 0 || x == infinity) && y == 0) ||    \
                     (x == 1 && __builtin_elementwise_abs(y) == infinity);                    \
    x = x == 0 ? (T)0 : x;                                                                    \
    return undefined ? (T)__builtin_nan("") : (T)isocl_host_pow(x, y);                        \
  }
POWR(float)
POWR(double)
BUILTIN float powr(float x, float y) {
  float result = exp_rounded((double)y * log_wide(x));
  if (UNLIKELY(!(positive_finite(x) && absolute(y) < 0x1p60f)))
    result = powr_special(x, y);
  return result;
}
BUILTIN double powr(double x, double y) { return powr_special(x, y); }

// Even roots of negative numbers and the zeroth root do not exist.
#define ROOTN_SPECIAL(T)                                                                      \
  PART T rootn_special(T x, int n, T magnitude) {                                             \
    T a = __builtin_elementwise_abs(x);                                                       \
    T limit = (T)__builtin_inf();                                                             \
    magnitude = a == 0 ? (n < 0 ? limit : (T)0) : magnitude;                                  \
    magnitude = a == limit ? (n < 0 ? (T)0 : limit) : magnitude;                              \
    magnitude = x != x || n == 0 || (x < 0 && !is_odd(n)) ? (T)__builtin_nan("") : magnitude; \
    return is_odd(n) ? __builtin_elementwise_copysign(magnitude, x) : magnitude;              \
  }
ROOTN_SPECIAL(float)
ROOTN_SPECIAL(double)
BUILTIN float rootn(float x, int n) {
  double inverse = 1.0 / (double)n;
  float magnitude = exp_rounded(log_wide(absolute(x)) * inverse);
  return rootn_special(x, n, magnitude);
}
// The rounding error of 1/n is made good to first order: it matters when log(x) is large.
BUILTIN double rootn(double x, int n) {
  double a = absolute(x), count = n;
  double inverse = 1.0 / count;
  double error = FMA(-count, inverse, 1.0) * inverse;
  double root = isocl_host_pow(a, inverse);
  root = FMA(root, error * isocl_host_log(a), root);
  return rootn_special(x, n, root);
}

BINARY_FLOATING(pow)
BINARY_FLOATING(powr)
BINARY(float, pown, float, int)
BINARY(double, pown, double, int)
BINARY(float, rootn, float, int)
BINARY(double, rootn, double, int)
