// sin, cos, tan, sincos. Float: quadrant reduction and polynomials; double: the host's functions.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

// The argument less a multiple of a quarter turn. Infinity and NaN become NaN.
PART float reduce_quadrant_any(float x, __private int *quadrant) {
  float r = reduce_quadrant(x, quadrant);
  if (UNLIKELY(!(absolute(x) <= REDUCIBLE))) {
    ulong both = isocl_host_reduce_quadrant(x);
    *quadrant = (int)(both >> 32);
    r = BITS((uint)both, float);
  }
  return r;
}

// Sine and cosine. A call of its own at first, so that both come from one where a program asks for both.
float2 __attribute__((overloadable, const, noinline)) __isocl_sine_cosine(float x) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  return (float2)(sin_of_quadrant(s, c, quadrant), cos_of_quadrant(s, c, quadrant));
}
BUILTIN float sin(float x) { return __isocl_sine_cosine(x).x; }
BUILTIN float cos(float x) { return __isocl_sine_cosine(x).y; }
BUILTIN float tan(float x) {
  float2 both = __isocl_sine_cosine(x);
  return both.x / both.y;
}
PART float sincos_parts(float x, __private float *cosine) {
  float2 both = __isocl_sine_cosine(x);
  *cosine = both.y;
  return both.x;
}

HOST_UNARY(sin)
HOST_UNARY(cos)
HOST_UNARY(tan)
PART double sincos_parts(double x, __private double *cosine) {
  *cosine = isocl_host_cos(x);
  return isocl_host_sin(x);
}

UNARY_FLOATING(sin)
UNARY_FLOATING(cos)
UNARY_FLOATING(tan)
UNARY_OUT(float, sincos, float)
UNARY_OUT(double, sincos, double)
