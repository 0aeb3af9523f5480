// erf, erfc, lgamma, lgamma_r, tgamma. The error functions are polynomials and quotients of them, float's
// tgamma is Stirling's series in double, the rest are the host's functions.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

// erf(x) / x for |x| <= 1.
PART float erf_kernel(float x) {
  float z = x * x;
  float p = FMA(-2.40017853e-05f, z, -0.000488900871f);
  p = FMA(p, z, 0.004830983f);
  p = FMA(p, z, -0.0266644694f);
  p = FMA(p, z, 0.112790242f);
  p = FMA(p, z, -0.376122206f);
  return FMA(p, z, 1.12837911f);
}
// erfc(x) for x >= 0: exp(-x^2) is taken with the rounding error of the square; both quotients
// come from one division.
PART float erfc_kernel(float x) {
  float d = x + 3.0f, w = FMA(x, 2.0f, 1.0f);
  float inverse = 1.0f / (d * w);
  float t = (x - 3.0f) * (w * inverse);
  float t2 = t * t, t4 = t2 * t2;
  float high = FMA(-0.0005039713f, t2, FMA(-0.00137831096f, t, 0.0016910464f));
  float middle = FMA(FMA(0.0028696917f, t, -0.0235320628f), t2,
                     FMA(0.0682568401f, t, -0.119330972f));
  float low = FMA(FMA(0.129646868f, t, -0.0475580283f), t2,
                  FMA(-0.135621101f, t, 1.25300801f));
  float p = FMA(FMA(high, t4, middle), t4, low);
  float quotient = p * (d * inverse);
  float square = x * x, rest = FMA(x, x, -square);
  float rounded = FMA(square, -0x1.715476p+0f, ROUNDER);
  float r = FMA(square, -0x1.715476p+0f, ROUNDER - rounded);
  r = FMA(rest, -0x1.715476p+0f, FMA(square, -0x1.4ae0cp-26f, r));
  float product = exp2_kernel(r) * quotient;
  float result = scale_normal(product, rounded);
  if (UNLIKELY(!(x < 9.1f))) {
    result = scale_any(product, rounded, -2.0f * square);
    result = x != x ? x : result;
  }
  return result;
}

// erf(x) / x for |x| <= 1/2.
PART double erf_kernel(double x) {
  double z = x * x, z2 = z * z;
  double p = FMA(0x1.8b7a26a30fe4ep-20, z, -0x1.f22d313fae8bdp-17);
  p = FMA(p, z2, FMA(0x1.f98e46d9e3a33p-14, z, -0x1.c02d54a615305p-11));
  p = FMA(p, z2, FMA(0x1.565bcc12ef75ap-8, z, -0x1.b82ce30fba099p-6));
  p = FMA(p, z2, FMA(0x1.ce2f21a03f0d4p-4, z, -0x1.812746b0379d0p-2));
  return FMA(p, z, 0x1.20dd750429b6dp+0);
}
// erfc(x) for x >= 0: as that of float, but the factor of exp(-x^2) is a quotient of polynomials in x.
PART double erfc_kernel(double x) {
  double square = x * x, rest = FMA(x, x, -square);
  double p = FMA(0x1.14ac4f0cade54p-14, x, 0x1.45f0ae9907355p-10);
  p = FMA(p, square, FMA(0x1.7898c8c1e43dbp-7, x, 0x1.13e0319b68e43p-4));
  p = FMA(p, square, FMA(0x1.18308b0f65770p-2, x, 0x1.97ad70aa92654p-1));
  p = FMA(p, square, FMA(0x1.a8e0028865f4ap+0, x, 0x1.330b69862f8b0p+1));
  p = FMA(p, square, FMA(0x1.19eff2f1945e3p+1, x, 1.0));
  double q = FMA(0x1.ea63e89e28192p-14, x, 0x1.20db610bbcbfcp-9);
  q = FMA(q, x, 0x1.4eb5416c5d114p-6);
  q = FMA(q, square, FMA(0x1.ed7d8d4afa778p-4, x, 0x1.fafe35e45ec22p-2));
  q = FMA(q, square, FMA(0x1.784b0fccda40bp+0, x, 0x1.964a2ce12c585p+1));
  q = FMA(q, square, FMA(0x1.39a0ea327023fp+2, x, 0x1.4a1361a41fb36p+2));
  q = FMA(q, square, FMA(0x1.aa5ead73a9375p+1, x, 1.0));
  double t, r = reduce_exp(-square, &t) - rest;
  double product = exp_kernel(r) * (p / q);
  double result = scale_normal(product, t);
  if (UNLIKELY(!(x < 26.5))) {
    result = x < 28.0 ? scale_wide(product, t) : 0.0;
    result = x != x ? x : result;
  }
  return result;
}

// `near`: the part of erf for small numbers ends here.
#define ERRORS(T, near)                                                                       \
  BUILTIN T erfc(T x) {                                                                       \
    T y = erfc_kernel(absolute(x));                                                           \
    return x < 0 ? 2 - y : y;                                                                 \
  }                                                                                           \
  BUILTIN T erf(T x) {                                                                        \
    T a = absolute(x);                                                                        \
    T far = __builtin_elementwise_copysign(1 - erfc_kernel(a), x);                            \
    return a < near ? x * erf_kernel(x) : far;                                                \
  }
ERRORS(float, 1.0f)
ERRORS(double, 0.5)

// Gamma(x) for 1/2 <= x <= 60 with a relative error below 2^-30, from Gamma(x + 5).
PART double gamma_wide(double x) {
  double large = x + 5.0, product = x * (x + 1.0) * (x + 2.0) * (x + 3.0) * (x + 4.0);
  double inverse = 1.0 / large, z = inverse * inverse;
  double series = FMA(FMA(FMA(-1.0 / 1680, z, 1.0 / 1260), z, -1.0 / 360), z, 1.0 / 12);
  double rest = FMA(series, inverse, 0x1.d67f1c864beb4p-1 - large);
  return exp_wide(FMA(large - 0.5, log_wide(large), rest)) / product;
}
// For x below 1/2 by way of 1 - x and the sine of half turns; there is none at negative integers.
BUILTIN float tgamma(float x) {
  double wide = x;
  bool reflected = wide < 0.5;
  double a = reflected ? 1.0 - wide : wide;
  double gamma = gamma_wide(a < 60.0 ? a : 60.0);
  double n = __builtin_rint(wide), r = wide - n;
  double sine = sin_kernel(r * 0x1.921fb54442d18p+1);
  sine = __builtin_trunc(n * 0.5) != n * 0.5 ? -sine : sine;
  double result = reflected ? 0x1.921fb54442d18p+1 / (sine * gamma) : gamma;
  result = x == 0 ? __builtin_copysign(__builtin_inf(), wide) : result;
  return x != x || (r == 0 && x < 0) ? NAN_FLOAT : (float)result;
}
PART double lgamma_r_parts(double x, __private int *sign) {
  return isocl_host_lgamma_r(x, sign);
}
PART float lgamma_r_parts(float x, __private int *sign) {
  return (float)isocl_host_lgamma_r(x, sign);
}
BUILTIN float lgamma(float x) {
  int sign;
  return lgamma_r_parts(x, &sign);
}
BUILTIN double lgamma(double x) {
  int sign;
  return lgamma_r_parts(x, &sign);
}

BUILTIN double tgamma(double x) { return isocl_host_tgamma(x); }

UNARY_FLOATING(erf)
UNARY_FLOATING(erfc)
UNARY_FLOATING(tgamma)
UNARY_FLOATING(lgamma)
UNARY_OUT(float, lgamma_r, int)
UNARY_OUT(double, lgamma_r, int)
