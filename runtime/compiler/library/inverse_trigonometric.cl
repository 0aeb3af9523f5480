// asin, acos, atan, atan2 and their variants in half turns.
//
// Float: polynomials; double: the host's functions.

#include "overload.h"
#include "elementary.h"
#include "host.h"

#define PI 3.14159274f
#define HALF_PI 1.57079637f
#define PI_LOW -8.74227766e-8f
#define HALF_PI_LOW -4.37113883e-8f
#define INVERSE_PI 0.318309886f

// asin of a = |x| for a <= 1/2, or of sqrt((1 - a) / 2), half of which is acos(a).
PART float asin_reduced(float a) {
  bool near_one = a > 0.5f;
  float z = near_one ? FMA(a, -0.5f, 0.5f) : a * a;
  float s = near_one ? __builtin_sqrtf(z) : a;
  return s + asin_tail(s, z);
}

BUILTIN float asin(float x) {
  float a = absolute(x);
  float r = asin_reduced(a);
  r = a > 0.5f ? HALF_PI - FMA(2.0f, r, -HALF_PI_LOW) : r;
  return __builtin_copysignf(r, x);
}
BUILTIN float asinpi(float x) {
  float a = absolute(x);
  float r = asin_reduced(a) * INVERSE_PI;
  r = a > 0.5f ? FMA(-2.0f, r, 0.5f) : r;
  return __builtin_copysignf(r, x);
}
BUILTIN float acos(float x) {
  float a = absolute(x);
  float r = asin_reduced(a);
  float near_zero = HALF_PI - (__builtin_copysignf(r, x) - HALF_PI_LOW);
  float near_one = x < 0 ? PI - FMA(2.0f, r, -PI_LOW) : 2.0f * r;
  return a > 0.5f ? near_one : near_zero;
}
BUILTIN float acospi(float x) {
  float a = absolute(x);
  float r = asin_reduced(a) * INVERSE_PI;
  float near_zero = 0.5f - __builtin_copysignf(r, x);
  float near_one = x < 0 ? FMA(-2.0f, r, 1.0f) : 2.0f * r;
  return a > 0.5f ? near_one : near_zero;
}

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
  float r = (q + atan_tail(q)) * INVERSE_PI;
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
  float r = (q + atan_tail(q)) * INVERSE_PI;
  r = b > a ? 0.5f - r : r;
  r = BITS(x, int) < 0 ? 1.0f - r : r;
  return __builtin_copysignf(r, y);
}

HOST_UNARY(asin)
HOST_UNARY(acos)
HOST_UNARY(atan)
HOST_BINARY(atan2)
#define HALF_TURNS(x) ((x) / 0x1.921fb54442d18p+1)
BUILTIN double asinpi(double x) { return HALF_TURNS(isocl_host_asin(x)); }
BUILTIN double acospi(double x) { return HALF_TURNS(isocl_host_acos(x)); }
BUILTIN double atanpi(double x) { return HALF_TURNS(isocl_host_atan(x)); }
BUILTIN double atan2pi(double y, double x) { return HALF_TURNS(isocl_host_atan2(y, x)); }

UNARY_FLOATING(asin)
UNARY_FLOATING(acos)
UNARY_FLOATING(atan)
UNARY_FLOATING(asinpi)
UNARY_FLOATING(acospi)
UNARY_FLOATING(atanpi)
BINARY_FLOATING(atan2)
BINARY_FLOATING(atan2pi)
