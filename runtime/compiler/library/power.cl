// pow, pown, powr, rootn. Float: the logarithm and its product with the exponent are sums of two
// floats; special arguments are handled by selection. Double: the host's pow.

#include "overload.h"
#include "elementary.h"
#include "host.h"

PART bool is_odd(int n) { return (n & 1) != 0; }
PART bool is_integer(float y) { return __builtin_truncf(y) == y; }
// Infinity and whatever has no bits for it is not odd.
PART bool is_odd_integer(float y) { return is_integer(y) && !is_integer(y * 0.5f); }

// 2^(exponent + low).
typedef struct {
  float exponent, low;
} Power;

// The absolute value of x, which is finite and not 0; `normal` is positive_normal(x).
PART Power power_of(float x, bool normal) {
  int bits = normalized_bits(absolute(x), normal);
  int n = (bits - 0x3f3504f3) >> 23;
  float e = (float)n;
  float f = BITS(bits - (n << 23), float) - 1.0f;

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
  float exponent = e + high;
  return (Power){exponent, (high - (exponent - e)) + low};
}

PART Power raised(Power power, float y) {
  float exponent = y * power.exponent;
  float low = FMA(y, power.low, FMA(y, power.exponent, -exponent));
  return (Power){exponent, low};
}

// 2^(t + rest) is the power, where the low bits of t are an integer.
PART float rounded(Power power, __private float *rest) {
  float t = power.exponent + power.low + ROUNDER;
  *rest = (power.exponent - (t - ROUNDER)) + power.low;
  return t;
}
// Exponents of which the power is normal.
PART bool is_inside(Power power) { return absolute(power.exponent) < 120.0f; }

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
// x^y = 2^(exponent + low), or what `special` makes of it where x or y are not usual.
#define POW(name, special)                                                                    \
  BUILTIN float name(float x, float y) {                                                      \
    bool normal = positive_normal(x);                                                         \
    Power power = raised(power_of(x, normal), y);                                             \
    float rest;                                                                               \
    float t = rounded(power, &rest);                                                          \
    float p = exp2_kernel(rest);                                                              \
    float result = scale_normal(p, t);                                                        \
    if (UNLIKELY(!(normal & is_inside(power))))                                              \
      result = special(x, y, scale_any(p, t, power.exponent));                                \
    return result;                                                                            \
  }
POW(pow, pow_special)

BUILTIN float pown(float x, int n) {
  // A large n takes two floats.
  bool large = n < -0x1000000 || n > 0x1000000;
  float y_low = large ? (float)(n & 0xff) : 0.0f;
  float a = absolute(x);
  Power base = power_of(x, positive_normal(x));
  Power power = raised(base, (float)(large ? n & ~0xff : n));
  power.low = FMA(y_low, base.exponent, power.low);
  float rest;
  float t = rounded(power, &rest);
  float result = scale_any(exp2_kernel(rest), t, power.exponent);
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
POW(powr, powr_special)
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
