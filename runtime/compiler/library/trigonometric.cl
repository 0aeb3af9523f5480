// sin, cos, tan, sincos: quadrant reduction and polynomials, and for large arguments the host's functions.

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
#define SINE_COSINE __attribute__((overloadable, const, noinline))
float2 SINE_COSINE __isocl_sine_cosine(float x) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  float sine = sin_of_quadrant(s, c, quadrant);
  return (float2)(x == 0 ? x : sine, cos_of_quadrant(s, c, quadrant));
}
double2 SINE_COSINE __isocl_sine_cosine(double x) {
  int quadrant;
  double r = reduce_quadrant(x, &quadrant);
  double s = sin_kernel(r), c = cos_kernel(r);
  double sine = sin_of_quadrant(s, c, quadrant), cosine = cos_of_quadrant(s, c, quadrant);
  if (UNLIKELY(!(absolute(x) <= REDUCIBLE_WIDE))) {
    sine = isocl_host_sin(x);
    cosine = isocl_host_cos(x);
  }
  return (double2)(x == 0 ? x : sine, cosine);
}

#define TRIGONOMETRIC(T)                                                                      \
  BUILTIN T sin(T x) { return __isocl_sine_cosine(x).x; }                                     \
  BUILTIN T cos(T x) { return __isocl_sine_cosine(x).y; }                                     \
  BUILTIN T tan(T x) {                                                                        \
    T##2 both = __isocl_sine_cosine(x);                                                       \
    return both.x / both.y;                                                                   \
  }                                                                                           \
  PART T sincos_parts(T x, __private T *cosine) {                                             \
    T##2 both = __isocl_sine_cosine(x);                                                       \
    *cosine = both.y;                                                                         \
    return both.x;                                                                            \
  }
TRIGONOMETRIC(float)
TRIGONOMETRIC(double)

UNARY_FLOATING(sin)
UNARY_FLOATING(cos)
UNARY_FLOATING(tan)
UNARY_OUT(float, sincos, float)
UNARY_OUT(double, sincos, double)
