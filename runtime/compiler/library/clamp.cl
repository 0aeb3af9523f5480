// clamp for integers and, as a common function, for floating point.

#include "overload.h"

#define CLAMP_WIDTH(n, T)                                                                     \
  BUILTIN T##n clamp(T##n x, T##n lowest, T##n highest) {                                     \
    x = x < lowest ? lowest : x;                                                              \
    return highest < x ? highest : x;                                                         \
  }
#define CLAMP_SCALAR_WIDTH(n, T)                                                              \
  BUILTIN T##n clamp(T##n x, T lowest, T highest) {                                           \
    return clamp(x, (T##n)lowest, (T##n)highest);                                             \
  }
#define CLAMP(T, ...) ALL_WIDTHS(CLAMP_WIDTH, T) EACH_WIDTH(CLAMP_SCALAR_WIDTH, T)

EACH_INTEGER(CLAMP)
CLAMP(half)
CLAMP(float)
CLAMP(double)
