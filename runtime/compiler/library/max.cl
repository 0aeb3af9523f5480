// max for integers and, as a common function, for floating point.

#include "overload.h"

// An unordered comparison keeps x, so this is one machine instruction; NaN is undefined here.
#define MAX_WIDTH(n, T)                                                                       \
  BUILTIN T##n max(T##n x, T##n y) { return x < y ? y : x; }
#define MAX_SCALAR_WIDTH(n, T)                                                                \
  BUILTIN T##n max(T##n x, T y) { return max(x, (T##n)y); }
#define MAX(T, ...) ALL_WIDTHS(MAX_WIDTH, T) EACH_WIDTH(MAX_SCALAR_WIDTH, T)

EACH_INTEGER(MAX)
MAX(half)
MAX(float)
MAX(double)
