// Dot products of floating-point numbers and vectors, for `dot` itself and for what is made of it.

#include "overload.h"

#define LANE_SUM(i, unused) sum += x.s##i * y.s##i;
#define DOT_WIDTH(n, KIND, T)                                                                 \
  KIND T dot(T##n x, T##n y) {                                                                \
    _Pragma("OPENCL FP_CONTRACT ON") T sum = 0;                                               \
    STEPS_##n(LANE_SUM, ) return sum;                                                         \
  }

// The functions of type T; KIND is BUILTIN or PART.
#define EACH_DOT(KIND, T)                                                                     \
  KIND T dot(T x, T y) { return x * y; }                                                      \
  DOT_WIDTH(2, KIND, T) DOT_WIDTH(3, KIND, T) DOT_WIDTH(4, KIND, T)
