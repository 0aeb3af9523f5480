// sqrt, cbrt, hypot.

#include "overload.h"
#include "elementary.h"
#include "host.h"

#define SQUARE_ROOT_WIDTH(n, T)                                                               \
  BUILTIN T##n sqrt(T##n x) { return __builtin_elementwise_sqrt(x); }
ALL_WIDTHS(SQUARE_ROOT_WIDTH, float)
ALL_WIDTHS(SQUARE_ROOT_WIDTH, double)

// One over the cube root of x, good to 5 bits, for positive normal x: the exponent's third with the other
// sign.
PART float inverse_cbrt_estimate(float x) {
  float bits = FMA((float)BITS(x, int), -1.0f / 3.0f, 0x1.5288cp+30f);
  return BITS((int)bits, float);
}
// A step that triples its bits, and one of Newton's method for the cube root itself. Small numbers, whose
// error would be denormal, are brought to others by a power of eight.
BUILTIN float cbrt(float x) {
  float a = absolute(x);
  bool tiny = a < 0x1p-90f;
  float scaled = tiny ? a * 0x1p96f : a;
  float y = inverse_cbrt_estimate(scaled);
  float error = FMA(-(scaled * y), y * y, 1.0f);
  float p = FMA(FMA(0.172839506f, error, 0.222222222f), error, 0.333333333f);
  y = FMA(y * error, p, y);
  float square = y * y, root = scaled * square;
  root = FMA(FMA(root * root, -root, scaled), square * 0.333333333f, root);
  root = tiny ? root * 0x1p-32f : root;
  bool usual = a > 0 && a < INFINITE_FLOAT;
  return usual ? __builtin_copysignf(root, x) : x;
}
// An estimate from a third of the exponent, good to 5 bits, two steps of Halley's method, and one with the
// rest of the cube to twice the precision. Numbers whose cube
// roots' cubes overflow or lose bits are brought to others by a power of eight.
BUILTIN double cbrt(double x) {
  double a = absolute(x);
  bool tiny = a < 0x1p-900, vast = a > 0x1p900;
  double scaled = tiny ? a * 0x1p300 : vast ? a * 0x1p-300 : a;
  double y = BITS((long)((uint)(BITS(scaled, ulong) >> 32) / 3 + 0x2a9f7893u) << 32, double);
  double cube = y * y * y;
  y *= (cube + 2.0 * scaled) / (2.0 * cube + scaled);
  cube = y * y * y;
  y *= (cube + 2.0 * scaled) / (2.0 * cube + scaled);
  double square = y * y, square_rest = FMA(y, y, -square);
  cube = square * y;
  double rest = (cube - scaled) + FMA(square_rest, y, FMA(square, y, -cube));
  y -= rest / (3.0 * square);
  y = tiny ? y * 0x1p-100 : vast ? y * 0x1p100 : y;
  y = a - a == 0 && a != 0 ? y : a;
  return __builtin_copysign(y, x);
}

// Squares of floats neither overflow nor vanish in double. An infinite side wins over NaN.
PART float hypot_rare(float x, float y) {
  double wide = FMA((double)x, (double)x, (double)y * (double)y);
  float result = (float)__builtin_sqrt(wide);
  bool infinite = absolute(x) == INFINITE_FLOAT || absolute(y) == INFINITE_FLOAT;
  return infinite ? INFINITE_FLOAT : result;
}
BUILTIN float hypot(float x, float y) {
  float square = FMA(x, x, y * y);
  float result = __builtin_sqrtf(square);
  bool usual = square > 0x1p-100f && square < INFINITE_FLOAT;
  if (UNLIKELY(!(usual | (x == 0 && y == 0))))
    result = hypot_rare(x, y);
  return result;
}
HOST_BINARY(hypot)

UNARY_FLOATING(cbrt)
BINARY_FLOATING(hypot)
