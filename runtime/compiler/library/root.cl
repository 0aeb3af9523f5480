// sqrt, cbrt, hypot.

#include "overload.h"
#include "elementary.h"
#include "host.h"

#define SQUARE_ROOT_WIDTH(n, T)                                                               \
  BUILTIN T##n sqrt(T##n x) { return __builtin_elementwise_sqrt(x); }
ALL_WIDTHS(SQUARE_ROOT_WIDTH, float)
ALL_WIDTHS(SQUARE_ROOT_WIDTH, double)

// An estimate from a third of the exponent, good to 5 bits, and two steps of Halley's method.
BUILTIN float cbrt(float x) {
  double a = absolute((double)x);
  double y = BITS((long)((uint)(BITS(a, ulong) >> 32) / 3 + 0x2a9f7893u) << 32, double);
  double cube = y * y * y;
  y *= (cube + 2.0 * a) / (2.0 * cube + a);
  cube = y * y * y;
  y *= (cube + 2.0 * a) / (2.0 * cube + a);
  y = a - a == 0 && a != 0 ? y : a;
  return __builtin_copysignf((float)y, x);
}
// The same estimate, one step more, and the rest of the cube to twice the precision. Numbers whose cube
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
BUILTIN float hypot(float x, float y) {
  double wide = FMA((double)x, (double)x, (double)y * (double)y);
  float result = (float)__builtin_sqrt(wide);
  bool infinite = absolute(x) == INFINITE_FLOAT || absolute(y) == INFINITE_FLOAT;
  return infinite ? INFINITE_FLOAT : result;
}
HOST_BINARY(hypot)

UNARY_FLOATING(cbrt)
BINARY_FLOATING(hypot)
