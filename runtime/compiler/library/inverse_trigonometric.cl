// asin, acos, atan, atan2 and their variants in half turns.
//
// Polynomials; angles by doubles are less a multiple of a quarter of a half turn at first.

#include "overload.h"
#include "elementary.h"

#define PI 3.14159274f
#define HALF_PI 1.57079637f
#define PI_LOW -8.74227766e-8f
#define HALF_PI_LOW -4.37113883e-8f
#define PI_WIDE 0x1.921fb54442d18p+1
#define PI_WIDE_LOW 0x1.1a62633145c07p-53
#define INVERSE_PI 0x1.45f306dc9c883p-2

#define INVERSE_SINES(T, pi, pi_low)                                                          \
  /* asin of a = |x| for a <= 1/2, or of sqrt((1 - a) / 2), half of which is acos(a). */      \
  PART T asin_reduced(T a) {                                                                  \
    bool near_one = a > (T)0.5;                                                               \
    T z = near_one ? FMA(a, (T)-0.5, (T)0.5) : a * a;                                         \
    T s = near_one ? __builtin_elementwise_sqrt(z) : a;                                       \
    return s + asin_tail(s, z);                                                               \
  }                                                                                           \
  BUILTIN T asin(T x) {                                                                       \
    T a = absolute(x), r = asin_reduced(a);                                                   \
    r = a > (T)0.5 ? pi / 2 - FMA((T)2, r, -pi_low / 2) : r;                                  \
    return __builtin_elementwise_copysign(r, x);                                              \
  }                                                                                           \
  BUILTIN T asinpi(T x) {                                                                     \
    T a = absolute(x), r = asin_reduced(a) * (T)INVERSE_PI;                                   \
    r = a > (T)0.5 ? FMA((T)-2, r, (T)0.5) : r;                                               \
    return __builtin_elementwise_copysign(r, x);                                              \
  }                                                                                           \
  BUILTIN T acos(T x) {                                                                       \
    T a = absolute(x), r = asin_reduced(a);                                                   \
    T near_zero = pi / 2 - (__builtin_elementwise_copysign(r, x) - pi_low / 2);               \
    T near_one = x < 0 ? pi - FMA((T)2, r, -pi_low) : 2 * r;                                  \
    return a > (T)0.5 ? near_one : near_zero;                                                 \
  }                                                                                           \
  BUILTIN T acospi(T x) {                                                                     \
    T a = absolute(x), r = asin_reduced(a) * (T)INVERSE_PI;                                   \
    T near_zero = (T)0.5 - __builtin_elementwise_copysign(r, x);                              \
    T near_one = x < 0 ? FMA((T)-2, r, (T)1) : 2 * r;                                         \
    return a > (T)0.5 ? near_one : near_zero;                                                 \
  }
INVERSE_SINES(float, PI, PI_LOW)
INVERSE_SINES(double, PI_WIDE, PI_WIDE_LOW)

BUILTIN float atan(float x) {
  float a = absolute(x);
  bool steep = a > 1.0f;
  float q = steep ? -1.0f / a : a;
  float r = q + atan_tail(q);
  r = steep ? HALF_PI + (r + HALF_PI_LOW) : r;
  return __builtin_copysignf(r, x);
}
BUILTIN float atanpi(float x) {
  float a = absolute(x);
  bool steep = a > 1.0f;
  float q = steep ? -1.0f / a : a;
  float r = (q + atan_tail(q)) * (float)INVERSE_PI;
  r = steep ? 0.5f + r : r;
  return __builtin_copysignf(r, x);
}

// The smaller magnitude over the larger one; two zeros count as a small y over a large x, and
// two infinities as equal.
PART float octant_ratio(float y, float x) {
  float small = x < y ? x : y, large = x < y ? y : x;
  float ratio = small / large;
  ratio = large == 0 ? 0.0f : ratio;
  ratio = small == INFINITE_FLOAT ? 1.0f : ratio;
  return x != x || y != y ? NAN_FLOAT : ratio;
}
BUILTIN float atan2(float y, float x) {
  float b = absolute(y), a = absolute(x);
  float q = octant_ratio(b, a);
  float r = q + atan_tail(q);
  r = b > a ? HALF_PI - (r - HALF_PI_LOW) : r;
  r = BITS(x, int) < 0 ? PI - (r - PI_LOW) : r;
  return __builtin_copysignf(r, y);
}
BUILTIN float atan2pi(float y, float x) {
  float b = absolute(y), a = absolute(x);
  float q = octant_ratio(b, a);
  float r = (q + atan_tail(q)) * (float)INVERSE_PI;
  r = b > a ? 0.5f - r : r;
  r = BITS(x, int) < 0 ? 1.0f - r : r;
  return __builtin_copysignf(r, y);
}

// The angle is `base`, which is none, one or two quarters of a half turn, and what is returned, for y and
// x >= 0.
PART double angle_of_quotient(double y, double x, __private double *base) {
  bool flat = y < x * 0x1.a827999fcef32p-2, steep = y > x * 0x1.3504f333f9de6p+1;
  double over = flat ? y : steep ? -x : y - x, under = flat ? x : steep ? y : y + x;
  *base = flat ? 0.0 : steep ? PI_WIDE / 2 : PI_WIDE / 4;
  double q = over / under;
  return q + FMA(*base, PI_WIDE_LOW / PI_WIDE, atan_tail(q));
}
PART double angle_of_quotient_in_half_turns(double y, double x) {
  double base, rest = angle_of_quotient(y, x, &base);
  return FMA(rest, INVERSE_PI, base * INVERSE_PI);
}
BUILTIN double atan(double x) {
  double base, rest = angle_of_quotient(absolute(x), 1.0, &base);
  return __builtin_copysign(base + rest, x);
}
BUILTIN double atanpi(double x) {
  return __builtin_copysign(angle_of_quotient_in_half_turns(absolute(x), 1.0), x);
}

// Brings the sides to others with the same angle whose sum is finite and normal.
PART void bound_sides(__private double *y, __private double *x) {
  double sum = *y + *x;
  if (UNLIKELY(!(sum > 0x1p-900 && sum < __builtin_inf()))) {
    bool infinite = *y == *x && *y == __builtin_inf();
    double scale = sum < 1.0 ? 0x1p200 : 0.25;
    *y = infinite ? 1.0 : *y * scale;
    *x = infinite || sum == 0.0 ? 1.0 : *x * scale;
  }
}
BUILTIN double atan2(double y, double x) {
  double b = absolute(y), a = absolute(x), base;
  bound_sides(&b, &a);
  double rest = angle_of_quotient(b, a, &base), r = base + rest;
  r = BITS(x, long) < 0 ? PI_WIDE - base - (rest - PI_WIDE_LOW) : r;
  return __builtin_copysign(r, y);
}
BUILTIN double atan2pi(double y, double x) {
  double b = absolute(y), a = absolute(x);
  bound_sides(&b, &a);
  double r = angle_of_quotient_in_half_turns(b, a);
  r = BITS(x, long) < 0 ? 1.0 - r : r;
  return __builtin_copysign(r, y);
}

UNARY_FLOATING(asin)
UNARY_FLOATING(acos)
UNARY_FLOATING(atan)
UNARY_FLOATING(asinpi)
UNARY_FLOATING(acospi)
UNARY_FLOATING(atanpi)
BINARY_FLOATING(atan2)
BINARY_FLOATING(atan2pi)
