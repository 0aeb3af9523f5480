// pow, pown, powr, rootn. Float: the logarithm and its product with the exponent are sums of two
// floats; special arguments are handled by selection. Double: the host's pow.

#include "overload.h"
#include "elementary.h"
#include "host.h"

PART bool positive_finite(float x) {
  return (uint)(BITS(x, int) - 1) < 0x7f7fffffu;
}
PART bool is_odd(int n) { return (n & 1) != 0; }
PART bool is_integer(float y) { return __builtin_truncf(y) == y; }
// Infinity and whatever has no bits for it is not odd.
PART bool is_odd_integer(float y) { return is_integer(y) && !is_integer(y * 0.5f); }

// x^(y + y_low) for positive finite x and finite y.
PART float power(float x, float y, float y_low) {
  bool denormal = x < 0x1p-126f;
  float scaled = denormal ? x * 0x1p24f : x;
  int exponent = (BITS(scaled, int) - 0x3f3504f3) >> 23;
  float e = (float)(denormal ? exponent - 24 : exponent);
  float f = BITS(BITS(scaled, int) - (exponent << 23), float) - 1.0f;

  // log2(1 + f) = 2/ln(2) * atanh(s), s = f / (2 + f) in two parts.
  float inverse = 1.0f / (f + 2.0f);
  float s = f * inverse;
  float s_low = FMA(-s, f, FMA(-2.0f, s, f)) * inverse;
  float z = s * s;
  float p = FMA(FMA(0.14935869f, z, 0.199887812f), z, 0.33333388f);
  float tail = FMA(p * z, s, s_low);
  float high = s * 0x1.715476p+1f;
  float low = FMA(s, 0x1.715476p+1f, -high);
  low = FMA(s, 0x1.4ae0cp-25f, low);
  low = FMA(tail, 0x1.715476p+1f, low);
  float sum = high + low;
  low = (high - sum) + low;
  float log_high = e + sum;
  float log_low = (sum - (log_high - e)) + low;

  float product = y * log_high;
  float product_low = FMA(y, log_high, -product);
  product_low = FMA(y, log_low, FMA(y_low, log_high, product_low));
  // Beyond this the result is zero or infinity, and the low part may be no number.
  bool inside = absolute(product) < 200.0f;
  product = product < -200.0f ? -200.0f : product > 200.0f ? 200.0f : product;
  product_low = inside ? product_low : 0.0f;
  float t = product + ROUNDER;
  float r = ((product - (t - ROUNDER)) + product_low) * 0x1.62e43p-1f;
  return scale_by_power(1.0f + (r + exp_tail(r)), BITS(t, int) - BITS(ROUNDER, int));
}

// What magnitude^y is for the magnitudes 0 and infinity, for y that is not 0.
PART float power_of_extreme(float magnitude, bool y_negative) {
  return (magnitude == 0) == y_negative ? INFINITE_FLOAT : 0.0f;
}
// a^y for infinite y and a that is not 1.
PART float power_to_infinity(float a, float y) {
  return (a < 1.0f) == (y < 0) ? INFINITE_FLOAT : 0.0f;
}

// pow where not both x is positive and finite and y finite.
PART float pow_special(float x, float y, float result) {
  float a = absolute(x);
  result = a == 0 || a == INFINITE_FLOAT ? power_of_extreme(a, y < 0) : result;
  result = absolute(y) == INFINITE_FLOAT ? power_to_infinity(a, y) : result;
  result = is_odd_integer(y) ? __builtin_copysignf(result, x) : result;
  result = x < 0 && x > -INFINITE_FLOAT && !is_integer(y) ? NAN_FLOAT : result;
  result = x != x || y != y ? NAN_FLOAT : result;
  // These are 1 even if the other argument is NaN.
  bool one = x == 1.0f || y == 0 || (x == -1.0f && absolute(y) == INFINITE_FLOAT);
  return one ? 1.0f : result;
}
BUILTIN float pow(float x, float y) {
  float result = power(absolute(x), y, 0.0f);
  if (UNLIKELY(!(positive_finite(x) && absolute(y) < INFINITE_FLOAT)))
    result = pow_special(x, y, result);
  return result;
}
BUILTIN float pown(float x, int n) {
  // A large n takes two floats.
  float y = (float)(n & ~0xff);
  float a = absolute(x);
  float result = power(a, (float)n, 0.0f);
  if (UNLIKELY(n < -0x1000000 || n > 0x1000000))
    result = power(a, y, (float)(n & 0xff));
  result = a == 0 || a == INFINITE_FLOAT ? power_of_extreme(a, n < 0) : result;
  result = is_odd(n) ? __builtin_copysignf(result, x) : result;
  result = x != x ? x : result;
  return n == 0 ? 1.0f : result;
}
BUILTIN double pow(double x, double y) { return isocl_host_pow(x, y); }
BUILTIN double pown(double x, int n) { return isocl_host_pow(x, n); }

// powr is exp(y log x): undefined for negative x and wherever the product is 0 times infinity.
PART float powr_special(float x, float y, float result) {
  result = x == 0 || x == INFINITE_FLOAT ? power_of_extreme(x, y < 0) : result;
  result = absolute(y) == INFINITE_FLOAT ? power_to_infinity(x, y) : result;
  bool indefinite = ((x == 0 || x == INFINITE_FLOAT) && y == 0) ||
                    (x == 1.0f && absolute(y) == INFINITE_FLOAT);
  return x < 0 || x != x || y != y || indefinite ? NAN_FLOAT : result;
}
BUILTIN float powr(float x, float y) {
  float result = power(x, y, 0.0f);
  if (UNLIKELY(!(positive_finite(x) && absolute(y) < INFINITE_FLOAT)))
    result = powr_special(x, y, result);
  return result;
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
  float magnitude = (float)exp_wide(log_wide(absolute(x)) * inverse);
  return rootn_special(x, n, magnitude);
}
// The rounding error of 1/n is made good to first order: it matters when log(x) is large.
BUILTIN double rootn(double x, int n) {
  double a = absolute(x), count = n;
  double inverse = 1.0 / count;
  double error = FMA(-count, inverse, 1.0) * inverse;
  double root = isocl_host_pow(a, inverse);
  double better = FMA(root, error * isocl_host_log(a), root);
  root = root < __builtin_inf() ? better : root;
  return rootn_special(x, n, root);
}

BINARY_FLOATING(pow)
BINARY_FLOATING(powr)
BINARY(float, pown, float, int)
BINARY(double, pown, double, int)
BINARY(float, rootn, float, int)
BINARY(double, rootn, double, int)
