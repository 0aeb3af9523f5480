// sin, cos, tan, sincos. Float: quadrant reduction and polynomials; large, infinite and NaN
// arguments take the host's double function. Double: the host's function.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

PART bool reducible(float x) { return absolute(x) <= REDUCIBLE; }

BUILTIN float sin(float x) {
  int quadrant;
  float r = reduce_quadrant(x, &quadrant);
  float result = sin_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
  if (UNLIKELY(!reducible(x)))
    result = (float)isocl_host_sin(x);
  return result;
}

BUILTIN float cos(float x) {
  int quadrant;
  float r = reduce_quadrant(x, &quadrant);
  float result = cos_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
  if (UNLIKELY(!reducible(x)))
    result = (float)isocl_host_cos(x);
  return result;
}

PART float sincos_parts(float x, __private float *cosine) {
  int quadrant;
  float r = reduce_quadrant(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  float result = sin_of_quadrant(s, c, quadrant);
  *cosine = cos_of_quadrant(s, c, quadrant);
  if (UNLIKELY(!reducible(x))) {
    result = (float)isocl_host_sin(x);
    *cosine = (float)isocl_host_cos(x);
  }
  return result;
}

BUILTIN float tan(float x) {
  int quadrant;
  float r = reduce_quadrant(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  bool odd = (quadrant & 1) != 0;
  float result = (odd ? -c : s) / (odd ? s : c);
  if (UNLIKELY(!reducible(x)))
    result = (float)isocl_host_tan(x);
  return result;
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
