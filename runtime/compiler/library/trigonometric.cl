// sin, cos, tan, sincos. Float: quadrant reduction and polynomials; double: the host's functions.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

BUILTIN float sin(float x) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  return sin_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
}

BUILTIN float cos(float x) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  return cos_of_quadrant(sin_kernel(r), cos_kernel(r), quadrant);
}

PART float sincos_parts(float x, __private float *cosine) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  *cosine = cos_of_quadrant(s, c, quadrant);
  return sin_of_quadrant(s, c, quadrant);
}

BUILTIN float tan(float x) {
  int quadrant;
  float r = reduce_quadrant_any(x, &quadrant);
  float s = sin_kernel(r), c = cos_kernel(r);
  bool odd = (quadrant & 1) != 0;
  return (odd ? -c : s) / (odd ? s : c);
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
