// pow, pown, powr, rootn. Float: log and exp in double, with special arguments handled by
// selection. Double: the host's pow.

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
PART bool is_integer(float y) { return __builtin_truncf(y) == y; }
// Infinity and whatever has no bits for it is not odd.
PART bool is_odd_integer(float y) { return is_integer(y) && !is_integer(y * 0.5f); }

// log |x| for any x; NaN for NaN.
PART double log_magnitude(float x) {
  float a = absolute(x);
  double result = log_wide(a);
  result = a == 0 ? -__builtin_inf() : result;
  return a < INFINITE_FLOAT ? result : a;
}

// The sign, and where the exponential of y log |x| is not the answer: negative x, powers that
// are 1 whatever the other argument is, and |x| = 1 with infinite y.
PART float pow_special(float x, float y) {
  float result = exp_rounded((double)y * log_magnitude(x));
  result = is_odd_integer(y) ? __builtin_copysignf(result, x) : result;
  result = x < 0 && x > -INFINITE_FLOAT && !is_integer(y) ? NAN_FLOAT : result;
  result = y != y ? y : result;
  bool one = x == 1.0f || y == 0 || (x == -1.0f && absolute(y) == INFINITE_FLOAT);
  return one ? 1.0f : result;
}
BUILTIN float pow(float x, float y) {
  float result = exp_rounded((double)y * log_wide(x));
  if (UNLIKELY(!(positive_finite(x) && absolute(y) < INFINITE_FLOAT)))
    result = pow_special(x, y);
  return result;
}
BUILTIN float pown(float x, int n) {
  float result = exp_rounded((double)n * log_magnitude(x));
  result = is_odd(n) ? __builtin_copysignf(result, x) : result;
  return n == 0 ? 1.0f : result;
}
BUILTIN double pow(double x, double y) { return isocl_host_pow(x, y); }
BUILTIN double pown(double x, int n) { return isocl_host_pow(x, n); }

// powr is exp(y log x): undefined for negative x and wherever the product is 0 times infinity.
BUILTIN float powr(float x, float y) {
  float result = exp_rounded((double)y * log_magnitude(x));
  return x < 0 ? NAN_FLOAT : result;
}
BUILTIN double powr(double x, double y) {
  double infinity = __builtin_inf();
  bool undefined = x < 0 || x != x || y != y || ((x == 0 || x == infinity) && y == 0) ||
                   (x == 1 && absolute(y) == infinity);
  return undefined ? __builtin_nan("") : isocl_host_pow(absolute(x), y);
}

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
