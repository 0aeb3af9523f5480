// Geometric functions of half precision: in float nothing overflows on the way.

#include "half.h"

#define HALF_LENGTH_WIDTH(n, unused)                                                          \
  ELSEWHERE float dot(float##n x, float##n y);                                                \
  ELSEWHERE float distance(float##n x, float##n y);                                           \
  ELSEWHERE float length(float##n x);                                                         \
  BUILTIN half dot(half##n x, half##n y) { return narrow(dot(widen(x), widen(y))); }          \
  BUILTIN half distance(half##n x, half##n y) {                                               \
    return narrow(distance(widen(x), widen(y)));                                              \
  }                                                                                           \
  BUILTIN half length(half##n x) { return narrow(length(widen(x))); }                         \
  HALF_UNARY_WIDTH(n, normalize)
HALF_LENGTH_WIDTH(, )
HALF_LENGTH_WIDTH(2, )
HALF_LENGTH_WIDTH(3, )
HALF_LENGTH_WIDTH(4, )

HALF_BINARY_WIDTH(3, cross)
HALF_BINARY_WIDTH(4, cross)
