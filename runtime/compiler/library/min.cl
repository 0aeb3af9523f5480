// min for integers and, as a common function, for floating point.

#include "overload.h"

// An unordered comparison keeps x, so this is one machine instruction; NaN is undefined here.
#define MIN_WIDTH(n, T)                                                                       \
  BUILTIN T##n min(T##n x, T##n y) { return y < x ? y : x; }
#define MIN_SCALAR_WIDTH(n, T)                                                                \
  BUILTIN T##n min(T##n x, T y) { return min(x, (T##n)y); }
#define MIN(T, ...) ALL_WIDTHS(MIN_WIDTH, T) EACH_WIDTH(MIN_SCALAR_WIDTH, T)

EACH_INTEGER(MIN)
MIN(half)
MIN(float)
MIN(double)
