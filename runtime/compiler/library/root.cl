// sqrt, cbrt, hypot.

#include "overload.h"
#include "elementary.h"

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
// A step that quadruples the bits of y, which is about one over the cube root of x.
#define INVERSE_CBRT_STEP(T)                                                                  \
  PART T inverse_cbrt_step(T y, T x) {                                                        \
    T error = FMA(-(x * y), y * y, (T)1);                                                     \
    T p = FMA(FMA((T)(14.0 / 81), error, (T)(2.0 / 9)), error, (T)(1.0 / 3));                 \
    return FMA(y * error, p, y);                                                              \
  }
INVERSE_CBRT_STEP(float)
INVERSE_CBRT_STEP(double)

// Such a step, and one of Newton's method for the cube root itself. Small numbers, whose error would be
// denormal, are brought to others by a power of eight.
BUILTIN float cbrt(float x) {
  float a = absolute(x);
  bool tiny = a < 0x1p-90f;
  float scaled = tiny ? a * 0x1p96f : a;
  float y = inverse_cbrt_step(inverse_cbrt_estimate(scaled), scaled);
  float square = y * y, root = scaled * square;
  root = FMA(FMA(root * root, -root, scaled), square * 0.333333333f, root);
  root = tiny ? root * 0x1p-32f : root;
  bool usual = a > 0 && a < INFINITE_FLOAT;
  return usual ? __builtin_copysignf(root, x) : x;
}
// Two such steps for one over the root, and one for the root with the rest of its cube to twice the precision.
// Numbers whose cube roots' cubes overflow or lose bits are brought to others by a power of eight.
BUILTIN double cbrt(double x) {
  double a = absolute(x);
  bool tiny = a < 0x1p-900, vast = a > 0x1p900;
  double scaled = tiny ? a * 0x1p300 : vast ? a * 0x1p-300 : a;
  uint third = (uint)(BITS(scaled, ulong) >> 32) / 3;
  double y = BITS((long)(0x553ef0ffu - third) << 32, double);
  y = inverse_cbrt_step(inverse_cbrt_step(y, scaled), scaled);
  double inverse_square = y * y, root = scaled * inverse_square;
  double square = root * root, square_rest = FMA(root, root, -square), cube = square * root;
  double rest = (cube - scaled) + FMA(square_rest, root, FMA(square, root, -cube));
  root = FMA(rest * inverse_square, -0x1.5555555555555p-2, root);
  root = tiny ? root * 0x1p-100 : vast ? root * 0x1p100 : root;
  root = a - a == 0 && a != 0 ? root : a;
  return __builtin_copysign(root, x);
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
// Neither do those of doubles that are brought near to one.
PART double hypot_rare(double x, double y) {
  bool large = absolute(x) > 1.0 || absolute(y) > 1.0;
  double scale = large ? 0x1p-600 : 0x1p600, back = large ? 0x1p600 : 0x1p-600;
  x *= scale;
  y *= scale;
  double result = __builtin_sqrt(FMA(x, x, y * y)) * back;
  bool infinite = absolute(x) == __builtin_inf() || absolute(y) == __builtin_inf();
  return infinite ? __builtin_inf() : result;
}
BUILTIN double hypot(double x, double y) {
  double square = FMA(x, x, y * y);
  double result = __builtin_sqrt(square);
  bool usual = square > 0x1p-900 && square < __builtin_inf();
  if (UNLIKELY(!(usual | (x == 0 && y == 0))))
    result = hypot_rare(x, y);
  return result;
}

UNARY_FLOATING(cbrt)
BINARY_FLOATING(hypot)
