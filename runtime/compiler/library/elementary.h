// Kernels that several functions share: polynomials, argument reduction, powers of two.
// Coefficients come from fit.py.

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

// exp(r) - 1 - r for |r| <= ln(2)/2.
PART float exp_tail(float r) {
  float p = FMA(0.00138207665f, r, 0.00836867932f);
  p = FMA(p, r, 0.0416682661f);
  p = FMA(p, r, 0.166665211f);
  p = FMA(p, r, 0.49999994f);
  return p * r * r;
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

// Sine and cosine from those of the rest, for an argument of quadrant quarter turns more.
PART float sin_of_quadrant(float sine, float cosine, int quadrant) {
  float value = (quadrant & 1) != 0 ? cosine : sine;
  return BITS(BITS(value, int) ^ ((quadrant & 2) << 30), float);
}
PART float cos_of_quadrant(float sine, float cosine, int quadrant) {
  float value = (quadrant & 1) != 0 ? sine : cosine;
  return BITS(BITS(value, int) ^ (((quadrant + 1) & 2) << 30), float);
}

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
