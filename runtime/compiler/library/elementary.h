// Kernels that several functions share: polynomials, argument reduction, powers of two.
// Coefficients come from fit.py. Long polynomials are sums of short ones, which do not wait for each
// other.

#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)

// Adding and subtracting this rounds a small float to an integer, whose low bits then stand in
// the low bits of the sum.
#define ROUNDER 0x1.8p23f
#define ROUNDER_WIDE 0x1.8p52

#define INFINITE_FLOAT __builtin_inff()
#define NAN_FLOAT __builtin_nanf("")

PART float absolute(float x) { return __builtin_fabsf(x); }
PART double absolute(double x) { return __builtin_fabs(x); }

// x * 2^n for -250 <= n <= 250, correct for results that overflow or are denormal.
PART float scale_by_power(float x, int n) {
  int half_n = n >> 1;
  return x * BITS((half_n + 127) << 23, float) * BITS((n - half_n + 127) << 23, float);
}

// x * 2^n for results that are normal, where the low bits of t are n, as ROUNDER leaves them.
PART float scale_normal(float x, float t) {
  return BITS(BITS(x, uint) + (BITS(t, uint) << 23), float);
}

// exp(r) - 1 for |r| <= ln(2)/2.
PART float expm1_kernel(float r) {
  float r2 = r * r;
  float high = FMA(0.00138207665f, r2, FMA(0.00836867932f, r, 0.0416682661f));
  float tail = FMA(high, r2, FMA(0.166665211f, r, 0.49999994f));
  return FMA(tail, r2, r);
}
// exp(r) for |r| <= ln(2)/2.
PART float exp_kernel(float r) { return 1.0f + expm1_kernel(r); }

// x less n ln(2), where the low bits of t are n, the nearest integer.
PART float reduce_exp(float x, __private float *t) {
  *t = FMA(x, 0x1.715476p+0f, ROUNDER);
  float n = *t - ROUNDER;
  return FMA(n, 0x1.05c61p-29f, FMA(n, -0x1.62e43p-1f, x));
}

// 2^r for |r| <= 1/2, with two bits less.
PART float exp2_kernel(float r) {
  float r2 = r * r;
  float high = FMA(FMA(0.00132692698f, r, 0.00967130065f), r2, FMA(0.055507116f, r, 0.240222469f));
  return FMA(high, r2, FMA(0.693147004f, r, 1.0f));
}

// x * 2^n, with n as above, which may be far from normal: zero where `exponent`, which is about n, is
// below -200, and infinite where it is over 200.
PART float scale_any(float x, float t, float exponent) {
  float result = scale_by_power(x, BITS(t, int) - BITS(ROUNDER, int));
  result = exponent < -200.0f ? 0.0f : result;
  return exponent > 200.0f ? INFINITE_FLOAT : result;
}

// The base to the power of x, as 2^n exp(r), where the low bits of t are n; `bits` is the base's
// logarithm to the base of 2.
PART float exp_result(float x, float r, float t, float bits) {
  float result = scale_normal(exp_kernel(r), t);
  if (UNLIKELY(!(absolute(x) <= 125.0f / bits))) {
    result = scale_any(exp_kernel(r), t, x * bits);
    result = x != x ? x : result;
  }
  return result;
}

PART float power_of_two(float x) {
  float t = x + ROUNDER;
  return exp_result(x, (x - (t - ROUNDER)) * 0x1.62e43p-1f, t, 1.0f);
}

// Positive, finite and normal.
PART bool positive_normal(float x) { return BITS(x, uint) - 0x00800000 < 0x7f000000; }
PART bool positive_normal(double x) {
  return BITS(x, ulong) - 0x0010000000000000 < 0x7fe0000000000000;
}

// The bits of a positive finite x; those of denormal numbers have exponents below zero. `normal` may be
// false for other numbers, too.
PART int normalized_bits(float x, bool normal) {
  uint bits = BITS(x, uint);
  if (UNLIKELY(!normal))
    bits = x < 0x1p-126f ? BITS(x * 0x1p24f, uint) - (24 << 23) : bits;
  return (int)bits;
}

PART long normalized_bits(double x, bool normal) {
  ulong bits = BITS(x, ulong);
  if (UNLIKELY(!normal))
    bits = x < 0x1p-1022 ? BITS(x * 0x1p54, ulong) - (54l << 52) : bits;
  return (long)bits;
}

// x = 2^exponent (1 + f) with f in [-1/3, 1/3], for positive finite x.
PART float reduce_bits(int bits, __private int *exponent) {
  *exponent = (bits - 0x3f2aaaab) >> 23;
  return BITS(bits - (*exponent << 23), float) - 1.0f;
}
PART float reduce_power(float x, __private float *exponent) {
  int n;
  float f = reduce_bits(normalized_bits(x, positive_normal(x)), &n);
  *exponent = (float)n;
  return f;
}

// log(1 + f) - f for f in [-1/3, 1/3].
PART float log_tail(float f) {
  float f2 = f * f;
  float high = FMA(FMA(-0.128743261f, f, 0.139869481f), f2, FMA(-0.12188375f, f, 0.140053019f));
  float low = FMA(FMA(-0.166801795f, f, 0.20010446f), f2, FMA(-0.249998048f, f, 0.333332151f));
  float p = FMA(FMA(high, f2 * f2, low), f, -0.5f);
  return p * f2;
}

// The logarithm of x, which is `result` where x is positive and finite.
PART float log_result(float x, float result) {
  if (UNLIKELY(!positive_normal(x))) {
    result = x < INFINITE_FLOAT ? result : x;
    result = x == 0 ? -INFINITE_FLOAT : result;
    result = x < 0 ? NAN_FLOAT : result;
  }
  return result;
}

// log(2^offset (1 + x)).
PART float log1p_scaled(float x, float offset) {
  float sum = 1.0f + x, rest = x - (sum - 1.0f);
  int n;
  float f = reduce_bits(BITS(sum, int), &n);
  // Of sums with large exponents nothing is lost that matters.
  int least = n < 100 ? n : 100;
  f = n == 0 ? x : FMA(rest, BITS((127 - least) << 23, float), f);
  float e = (float)n + offset;
  float low = FMA(e, -0x1.05c61p-29f, log_tail(f));
  return log_result(sum, FMA(e, 0x1.62e43p-1f, f + low));
}

// exp(x) in double with a relative error below 2^-38, for |x| <= 700; NaN stays NaN.
PART double exp_wide(double x) {
  double t = FMA(x, 0x1.71547652b82fep+0, ROUNDER_WIDE);
  double n = t - ROUNDER_WIDE;
  double r = FMA(n, -0x1.62e42fefa39efp-1, x);
  double p = FMA(0x1.9e88d1c928c34p-16, r, 0x1.a185bb7bb10e8p-13);
  p = FMA(p, r, 0x1.6c18d43b686cfp-10);
  p = FMA(p, r, 0x1.1110a227ac4adp-7);
  p = FMA(p, r, 0x1.5555541d65901p-5);
  p = FMA(p, r, 0x1.5555557df1c12p-3);
  p = FMA(p, r, 0x1.000000005e4d4p-1);
  p = FMA(p, r * r, r) + 1.0;
  return p * BITS((BITS(t, long) + 1023) << 52, double);
}

// x * 2^n for results that are normal, where the low bits of t are n, as ROUNDER_WIDE leaves them.
PART double scale_normal(double x, double t) {
  return BITS(BITS(x, ulong) + (BITS(t, ulong) << 52), double);
}

// x * 2^n for -1100 <= n <= 1100, correct for results that overflow or are denormal, where the low bits
// of t are n.
PART double scale_wide(double x, double t) {
  int n = (int)BITS(t, long), half_n = n >> 1;
  double scaled = x * BITS((long)(half_n + 1023) << 52, double);
  return scaled * BITS((long)(n - half_n + 1023) << 52, double);
}

// (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2.
PART double exp_quotient(double r) {
  double r2 = r * r, r4 = r2 * r2;
  double high = FMA(0x1.ab380c7da3555p-26, r, 0x1.28b100fe07f07p-22);
  double middle = FMA(FMA(0x1.71e087d19afa0p-19, r, 0x1.a019967b47508p-16), r2,
                      FMA(0x1.a01a009318ee1p-13, r, 0x1.6c16c18554c4cp-10));
  double low = FMA(FMA(0x1.1111111142030p-7, r, 0x1.5555555550431p-5), r2,
                   FMA(0x1.5555555555499p-3, r, 0x1.000000000000ap-1));
  return FMA(FMA(high, r4, middle), r4, low);
}

// exp(r) - 1, exp(r) and 2^r for arguments whose power this is between sqrt(1/2) and sqrt(2).
PART double expm1_kernel(double r) { return FMA(exp_quotient(r), r * r, r); }
PART double exp_kernel(double r) { return 1.0 + expm1_kernel(r); }
PART double exp2_kernel(double r) { return exp_kernel(r * 0x1.62e42fefa39efp-1); }

// x less n ln(2), where the low bits of t are n, the nearest integer.
PART double reduce_exp(double x, __private double *t) {
  *t = FMA(x, 0x1.71547652b82fep+0, ROUNDER_WIDE);
  double n = *t - ROUNDER_WIDE;
  return FMA(n, -0x1.abc9e3b39803fp-56, FMA(n, -0x1.62e42fefa39efp-1, x));
}

// scale * (exp(x) - 1) for a power of two `scale`, for exp(x) * scale that is normal. Numbers of which
// this is about scale * x may lose the bits that become denormal.
#define EXPM1_SCALED(T)                                                                       \
  PART T expm1_scaled(T x, T scale) {                                                         \
    T t, r = reduce_exp(x, &t), power = scale_normal(scale, t);                               \
    return FMA(power, expm1_kernel(r), power - scale);                                        \
  }
EXPM1_SCALED(float)
EXPM1_SCALED(double)

// As those of float, for an `exponent` below -1080 or over 1080.
PART double scale_any(double x, double t, double exponent) {
  double result = scale_wide(x, t);
  result = exponent < -1080.0 ? 0.0 : result;
  return exponent > 1080.0 ? __builtin_inf() : result;
}
PART double exp_result(double x, double r, double t, double bits) {
  double result = scale_normal(exp_kernel(r), t);
  if (UNLIKELY(!(absolute(x) <= 1020.0 / bits))) {
    result = scale_any(exp_kernel(r), t, x * bits);
    result = x != x ? x : result;
  }
  return result;
}

// x = 2^exponent (1 + f) with f in [1/sqrt(2) - 1, sqrt(2) - 1], for positive normal x.
PART double reduce_power_wide(double x, __private long *exponent) {
  *exponent = (BITS(x, long) - 0x3fe6a09e667f3bcd) >> 52;
  return BITS(BITS(x, long) - (*exponent << 52), double) - 1.0;
}

// The integer n of absolute value below 2^51: processors convert long integers one at a time.
PART double small_integer(long n) {
  return BITS(n + BITS(ROUNDER_WIDE, long), double) - ROUNDER_WIDE;
}

// log(1 + f) = f - (f^2/2 - s q), where s is the quotient and q is returned; `half_square` is f^2/2.
PART double log_quotient(double f, double half_square, __private double *quotient) {
  double s = f / (f + 2.0), z = s * s, z2 = z * z;
  double p = FMA(0x1.2f2e0986cf07fp-3, z, 0x1.399dc31078007p-3);
  p = FMA(p, z2, FMA(0x1.746665775d8f9p-3, z, 0x1.c71c51521f517p-3));
  p = FMA(p, z2, FMA(0x1.24924942cbba6p-2, z, 0x1.999999997eedep-2));
  p = FMA(p, z, 0x1.5555555555595p-1);
  *quotient = s;
  return FMA(p, z, half_square);
}
// n ln(2) + log(1 + f) + rest, where the rest is small.
PART double log_sum(double n, double f, double rest) {
  double half_square = 0.5 * f * f, s;
  double q = log_quotient(f, half_square, &s);
  double low = FMA(s, q, FMA(n, 0x1.a39ef35793c76p-33, rest));
  return FMA(n, 0x1.62e42feep-1, f - (half_square - low));
}
// The logarithm to another base: n * unit + log(1 + f) * factor, where the unit's first part has few
// bits.
PART double log_sum_of_base(double n, double f, double unit, double unit_low, double factor,
                            double factor_low) {
  double half_square = 0.5 * f * f, s;
  double q = log_quotient(f, half_square, &s);
  double high = f - half_square, low = FMA(s, q, (f - high) - half_square);
  double most = n * unit, part = high * factor, sum = most + part;
  double rest = FMA(high, factor, -part) + FMA(high, factor_low, low * factor);
  return sum + (FMA(n, unit_low, (most - sum) + part) + rest);
}

// The logarithm of x, which is `result` where x is positive and finite.
PART double log_result(double x, double result) {
  result = x < __builtin_inf() ? result : x;
  result = x == 0 ? -__builtin_inf() : result;
  return x < 0 ? __builtin_nan("") : result;
}

// log(2^offset (1 + x)).
PART double log1p_scaled(double x, double offset) {
  double sum = 1.0 + x;
  double rest = x < 1.0 ? x - (sum - 1.0) : 1.0 - (sum - x);
  long exponent;
  double f = reduce_power_wide(sum, &exponent);
  rest *= BITS((1023 - exponent) << 52, double);
  rest = x < 0x1p60 ? FMA(-rest, f, rest) : 0.0;
  // Here f and the rest are x.
  bool is_near = exponent == 0;
  double n = small_integer(exponent) + offset;
  return log_result(sum, log_sum(n, is_near ? x : f, is_near ? 0.0 : rest));
}

// log(x) in double with a relative error below 2^-48, for positive normal x. Close to 1 the
// argument's own rounding decides.
PART double log_wide(double x) {
  long bits = BITS(x, long) - 0x3fe5555555555555;
  long exponent = bits >> 52;
  double f = BITS(BITS(x, long) - (exponent << 52), double) - 1.0;
  double s = f / (f + 2.0);
  double z = s * s;
  double p = FMA(0x1.63e6893f0a4dap-3, z, 0x1.7218e862ee17cp-3);
  p = FMA(p, z, 0x1.c72c17d4d548cp-3);
  p = FMA(p, z, 0x1.24922df5d8b9bp-2);
  p = FMA(p, z, 0x1.999999c4eb5cap-2);
  p = FMA(p, z, 0x1.5555555549da2p-1);
  return FMA((double)(int)exponent, 0x1.62e42fefa39efp-1, FMA(p * z, s, s + s));
}

// sin(r) and cos(r) for |r| <= pi/4.
PART float sin_kernel(float r) {
  float z = r * r;
  float p = FMA(2.83261807e-06f, z, -0.000198530688f);
  p = FMA(p, z, 0.0083333794f);
  p = FMA(p, z, -0.166666672f);
  return FMA(p * z, r, r);
}
PART float cos_kernel(float r) {
  float z = r * r;
  float p = FMA(2.44323292e-05f, z, -0.00138873095f);
  p = FMA(p, z, 0.0416666456f);
  p = FMA(p, z, -0.5f);
  return FMA(p, z, 1.0f);
}

PART double sin_kernel(double r) {
  double z = r * r;
  double p = FMA(0x1.5b33bf9d64f75p-33, z, -0x1.ae55c9b7146abp-26);
  p = FMA(p, z, 0x1.71de29d900170p-19);
  p = FMA(p, z, -0x1.a01a018dd964dp-13);
  p = FMA(p, z, 0x1.1111111107f28p-7);
  p = FMA(p, z, -0x1.55555555554f5p-3);
  return FMA(p * z, r, r);
}
PART double cos_kernel(double r) {
  double z = r * r;
  double p = FMA(-0x1.96fe856c4eb55p-37, z, 0x1.1ef8dc3578df9p-29);
  p = FMA(p, z, -0x1.27e50f68de5a5p-22);
  p = FMA(p, z, 0x1.a01a01bf51102p-16);
  p = FMA(p, z, -0x1.6c16c16c2d008p-10);
  p = FMA(p, z, 0x1.555555555560cp-5);
  // One minus half the square, and what that rounds away.
  double most = FMA(z, -0.5, 1.0);
  return most + FMA(p * z, z, FMA(z, -0.5, 1.0 - most));
}

// Sine and cosine from those of the rest, for an argument of quadrant quarter turns more.
#define OF_QUADRANT(T, bits, to_sign)                                                         \
  PART T sin_of_quadrant(T sine, T cosine, int quadrant) {                                    \
    T value = (quadrant & 1) != 0 ? cosine : sine;                                            \
    return BITS(BITS(value, bits) ^ ((bits)(quadrant & 2) << to_sign), T);                    \
  }                                                                                           \
  PART T cos_of_quadrant(T sine, T cosine, int quadrant) {                                    \
    T value = (quadrant & 1) != 0 ? sine : cosine;                                            \
    return BITS(BITS(value, bits) ^ ((bits)((quadrant + 1) & 2) << to_sign), T);              \
  }
OF_QUADRANT(float, uint, 30)
OF_QUADRANT(double, ulong, 62)

// The argument less a multiple of a quarter turn, for |x| <= 30000.
PART float reduce_quadrant(float x, __private int *quadrant) {
  float t = FMA(x, 0.636619772f, ROUNDER);
  float n = t - ROUNDER;
  *quadrant = BITS(t, int);
  float r = FMA(n, -0x1.921fb4p+0f, x);
  r = FMA(n, -0x1.4442d0p-24f, r);
  return FMA(n, -0x1.846988p-48f, r);
}
#define REDUCIBLE 30000.0f
// The same for |x| <= 2^40. The first step is exact.
PART double reduce_quadrant(double x, __private int *quadrant) {
  double t = FMA(x, 0x1.45f306dc9c883p-1, ROUNDER_WIDE);
  double n = t - ROUNDER_WIDE;
  *quadrant = (int)BITS(t, long);
  double r = FMA(n, -0x1.921fb54442d18p+0, x);
  r = FMA(n, -0x1.1a62633145c07p-54, r);
  return FMA(n, 0x1.f1976b7ed8fbcp-110, r);
}
#define REDUCIBLE_WIDE 0x1p40

// atan(a) - a for |a| <= 1.
PART float atan_tail(float a) {
  float z = a * a;
  float p = FMA(0.0029197135f, z, -0.0163641162f);
  p = FMA(p, z, 0.0432058498f);
  p = FMA(p, z, -0.0755172372f);
  p = FMA(p, z, 0.106657855f);
  p = FMA(p, z, -0.142110035f);
  p = FMA(p, z, 0.199937671f);
  p = FMA(p, z, -0.333331525f);
  return p * z * a;
}

// asin(a) - a for |a| <= 1/2, where z = a^2.
PART float asin_tail(float a, float z) {
  float p = FMA(0.042157121f, z, 0.0241854619f);
  p = FMA(p, z, 0.0454690233f);
  p = FMA(p, z, 0.0749531016f);
  p = FMA(p, z, 0.166667521f);
  return p * z * a;
}

// The same for |a| <= tan(pi/8) and for |a| <= 1/2.
PART double atan_tail(double a) {
  double z = a * a, z2 = z * z;
  double p = FMA(-0x1.1fdf0411b2b99p-7, z2, FMA(0x1.e37a9355b127ap-6, z, -0x1.8078ad3b33facp-5));
  p = FMA(p, z2, FMA(0x1.d897175dd4509p-5, z, -0x1.1076a8996c723p-4));
  p = FMA(p, z2, FMA(0x1.3b0680e4050a8p-4, z, -0x1.745c5c049d11ap-4));
  p = FMA(p, z2, FMA(0x1.c71c6b4a985c5p-4, z, -0x1.24924913f03bdp-3));
  p = FMA(p, z2, FMA(0x1.999999996f283p-3, z, -0x1.5555555555428p-2));
  return p * z * a;
}
PART double asin_tail(double a, double z) {
  double z2 = z * z;
  double p = FMA(0x1.08874608a0573p-5, z, -0x1.12dff4eea69bap-6);
  p = FMA(p, z2, FMA(0x1.45b97a97afa16p-6, z, 0x1.a35fd9d7adb81p-8));
  p = FMA(p, z2, FMA(0x1.8fbcd5f558c54p-7, z, 0x1.c6d7a76adb470p-7));
  p = FMA(p, z2, FMA(0x1.1c6dd076adaa9p-6, z, 0x1.6e89d354aec69p-6));
  p = FMA(p, z2, FMA(0x1.f1c72d9a17f0ap-6, z, 0x1.6db6db3e2be29p-5));
  p = FMA(p, z2, FMA(0x1.333333337537bp-4, z, 0x1.5555555555356p-3));
  return p * z * a;
}
