// Rounding to integral values: ceil, floor, rint, round, trunc (OpenCL C, math functions).

#include "overload.h"

#define ROUNDING(name, builtin)                                                               \
  BUILTIN float name(float x) { return builtin##f(x); }                                       \
  BUILTIN double name(double x) { return builtin(x); }                                        \
  UNARY_FLOATING(name)

ROUNDING(ceil, __builtin_ceil)
ROUNDING(floor, __builtin_floor)
ROUNDING(rint, __builtin_rint)
ROUNDING(round, __builtin_round)
ROUNDING(trunc, __builtin_trunc)
