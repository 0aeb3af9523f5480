// rsqrt. The compiler may estimate these quotients: they are tolerant of 2.5 ulp.

#include "overload.h"

#define RECIPROCAL_ROOT_WIDTH(n, T)                                                           \
  BUILTIN T##n rsqrt(T##n x) { return (T##n)1 / __builtin_elementwise_sqrt(x); }
ALL_WIDTHS(RECIPROCAL_ROOT_WIDTH, float)
ALL_WIDTHS(RECIPROCAL_ROOT_WIDTH, double)
