// pow, pown, powr, rootn: the logarithm and its product with the exponent are sums of two numbers;
// special arguments are handled by selection.

#include "overload.h"
#include "elementary.h"

PART bool is_odd(int n) { return (n & 1) != 0; }

// 2^(exponent + low).
typedef struct {
  float exponent, low;
} Power;
typedef struct {
  double exponent, low;
} WidePower;

// 2^(e + (s + rest) * factor), the factor in two parts.
#define POWER_OF_SUM(T, Power)                                                                \
  PART Power power_of_sum(T e, T s, T rest, T factor, T factor_low) {                         \
    T high = s * factor;                                                                      \
    T low = FMA(s, factor, -high);                                                            \
    low = FMA(s, factor_low, low);                                                            \
    low = FMA(rest, factor, low);                                                             \
    T exponent = e + high;                                                                    \
    return (Power){exponent, (high - (exponent - e)) + low};                                  \
  }
POWER_OF_SUM(float, Power)
POWER_OF_SUM(double, WidePower)

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
  return power_of_sum(e, s, tail, 0x1.715476p+1f, 0x1.4ae0cp-25f);
}
// The same with the first term of the tail in two parts, too.
PART WidePower power_of(double x, bool normal) {
  long bits = normalized_bits(absolute(x), normal);
  long n = (bits - 0x3fe6a09e667f3bcd) >> 52;
  double e = small_integer(n);
  double f = BITS(bits - (n << 52), double) - 1.0;

  double inverse = 1.0 / (f + 2.0);
  double s = f * inverse;
  double s_low = FMA(-s, f, FMA(-2.0, s, f)) * inverse;
  double z = s * s, z_low = FMA(s + s, s_low, FMA(s, s, -z)), z2 = z * z;
  double p = FMA(FMA(0x1.0e148465a3474p-4, z, 0x1.0f85784edc05fp-4), z2,
                 FMA(0x1.3b1ea7160726ep-4, z, 0x1.745ceb99962e8p-4));
  p = FMA(p, z2, FMA(0x1.c71c722791a78p-4, z, 0x1.249249245cd46p-3));
  p = FMA(p, z, 0x1.9999999999afbp-3);
  double third = z * 0x1.5555555555555p-2;
  double third_low = FMA(z, 0x1.5555555555555p-2, -third);
  third_low = FMA(z, 0x1.5555555555555p-56, FMA(z_low, 0x1.5555555555555p-2, third_low));
  double tail = s * third;
  double tail_low = FMA(s, FMA(z2, p, third_low), FMA(s, third, -tail));
  tail_low += FMA(s_low, third, s_low);
  double sum = s + tail, sum_low = (tail - (sum - s)) + tail_low;
  return power_of_sum(e, sum, sum_low, 0x1.71547652b82fep+1, 0x1.777d0ffda0d24p-55);
}

// 2^(t + rest) is the power, where the low bits of t are an integer.
PART float rounded(Power power, __private float *rest) {
  float t = power.exponent + power.low + ROUNDER;
  *rest = (power.exponent - (t - ROUNDER)) + power.low;
  return t;
}
PART double rounded(WidePower power, __private double *rest) {
  double t = power.exponent + power.low + ROUNDER_WIDE;
  *rest = (power.exponent - (t - ROUNDER_WIDE)) + power.low;
  return t;
}
// Exponents of which the power is normal.
PART bool is_inside(Power power) { return absolute(power.exponent) < 120.0f; }
PART bool is_inside(WidePower power) { return absolute(power.exponent) < 1020.0; }

// The names with which pow and its like are written for both types.
#define POWERS(T, Power)                                                                      \
  PART Power raised(Power power, T y) {                                                       \
    T exponent = y * power.exponent;                                                          \
    T low = FMA(y, power.low, FMA(y, power.exponent, -exponent));                             \
    return (Power){exponent, low};                                                            \
  }                                                                                           \
  PART bool is_integer(T y) { return __builtin_elementwise_trunc(y) == y; }                   \
  /* Infinity and whatever has no bits for it is not odd. */                                  \
  PART bool is_odd_integer(T y) { return is_integer(y) && !is_integer(y * (T)0.5); }          \
  PART bool is_infinite(T x) { return absolute(x) == (T)__builtin_inf(); }                    \
  /* What magnitude^y is for the magnitudes 0 and infinity, for y that is not 0. */           \
  PART T power_of_extreme(T magnitude, bool y_negative) {                                     \
    return (magnitude == 0) == y_negative ? (T)__builtin_inf() : (T)0;                        \
  }                                                                                           \
  /* a^y for infinite y and a that is not 1. */                                               \
  PART T power_to_infinity(T a, T y) {                                                        \
    return (a < 1) == (y < 0) ? (T)__builtin_inf() : (T)0;                                    \
  }                                                                                           \
  /* pow where not both x is positive and finite and y finite. */                             \
  PART T pow_special(T x, T y, T result) {                                                    \
    T a = absolute(x);                                                                        \
    result = a == 0 || is_infinite(a) ? power_of_extreme(a, y < 0) : result;                  \
    result = is_infinite(y) ? power_to_infinity(a, y) : result;                               \
    result = is_odd_integer(y) ? __builtin_elementwise_copysign(result, x) : result;          \
    result = x < 0 && !is_infinite(x) && !is_integer(y) ? (T)__builtin_nan("") : result;      \
    result = x != x || y != y ? (T)__builtin_nan("") : result;                                \
    /* These are 1 even if the other argument is NaN. */                                      \
    bool one = x == 1 || y == 0 || (x == -1 && is_infinite(y));                               \
    return one ? (T)1 : result;                                                               \
  }                                                                                           \
  /* powr is exp(y log x): undefined for negative x and wherever the product is 0 times       \
     infinity. */                                                                             \
  PART T powr_special(T x, T y, T result) {                                                   \
    bool extreme = x == 0 || is_infinite(x);                                                  \
    result = extreme ? power_of_extreme(x, y < 0) : result;                                   \
    result = is_infinite(y) ? power_to_infinity(x, y) : result;                               \
    bool indefinite = (extreme && y == 0) || (x == 1 && is_infinite(y));                      \
    return x < 0 || x != x || y != y || indefinite ? (T)__builtin_nan("") : result;           \
  }                                                                                           \
  POW(T, Power, pow, pow_special)                                                             \
  POW(T, Power, powr, powr_special)

// x^y = 2^(exponent + low), or what `special` makes of it where x or y are not usual.
#define POW(T, Power, name, special)                                                          \
  BUILTIN T name(T x, T y) {                                                                  \
    bool normal = positive_normal(x);                                                         \
    Power power = raised(power_of(x, normal), y);                                             \
    T rest;                                                                                   \
    T t = rounded(power, &rest);                                                              \
    T p = exp2_kernel(rest);                                                                  \
    T result = scale_normal(p, t);                                                            \
    if (UNLIKELY(!(normal & is_inside(power))))                                               \
      result = special(x, y, scale_any(p, t, power.exponent));                                \
    return result;                                                                            \
  }
POWERS(float, Power)
POWERS(double, WidePower)

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
BUILTIN double pown(double x, int n) { return pow(x, (double)n); }

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
BUILTIN double rootn(double x, int n) {
  WidePower power = power_of(x, positive_normal(x));
  double count = n, exponent = power.exponent / count;
  power.low = (FMA(-exponent, count, power.exponent) + power.low) / count;
  power.exponent = exponent;
  double rest;
  double t = rounded(power, &rest);
  return rootn_special(x, n, scale_any(exp2_kernel(rest), t, exponent));
}

BINARY_FLOATING(pow)
BINARY_FLOATING(powr)
BINARY(float, pown, float, int)
BINARY(double, pown, double, int)
BINARY(float, rootn, float, int)
BINARY(double, rootn, double, int)
