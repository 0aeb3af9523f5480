// Common functions on floating point: degrees, mix, radians, sign, smoothstep, step.

#include "overload.h"
#pragma OPENCL FP_CONTRACT ON

#define FLOATING_WIDTH(n, T)                                                                  \
  BUILTIN T##n degrees(T##n x) { return x * (T##n)(T)57.29577951308232; }                     \
  BUILTIN T##n radians(T##n x) { return x * (T##n)(T)0.017453292519943295; }                  \
  BUILTIN T##n mix(T##n x, T##n y, T##n a) { return (y - x) * a + x; }                        \
  BUILTIN T##n step(T##n edge, T##n x) { return x < edge ? (T##n)0 : (T##n)1; }               \
  BUILTIN T##n smoothstep(T##n low, T##n high, T##n x) {                                      \
    T##n t = (x - low) / (high - low);                                                        \
    t = t < (T##n)0 ? (T##n)0 : t;                                                            \
    t = t > (T##n)1 ? (T##n)1 : t;                                                            \
    return t * t * ((T##n)3 - (T##n)2 * t);                                                   \
  }                                                                                           \
  BUILTIN T##n sign(T##n x) {                                                                 \
    T##n nonzero = x > (T##n)0 ? (T##n)1 : (T##n)-1;                                          \
    /* Zero keeps its sign; NaN gives zero. */                                                \
    return x == (T##n)0 ? x : (x != x ? (T##n)0 : nonzero);                                   \
  }

#define SCALAR_ARGUMENT_WIDTH(n, T)                                                           \
  BUILTIN T##n mix(T##n x, T##n y, T a) { return mix(x, y, (T##n)a); }                        \
  BUILTIN T##n step(T edge, T##n x) { return step((T##n)edge, x); }                           \
  BUILTIN T##n smoothstep(T low, T high, T##n x) {                                            \
    return smoothstep((T##n)low, (T##n)high, x);                                              \
  }

ALL_WIDTHS(FLOATING_WIDTH, float)
ALL_WIDTHS(FLOATING_WIDTH, double)
EACH_WIDTH(SCALAR_ARGUMENT_WIDTH, float)
EACH_WIDTH(SCALAR_ARGUMENT_WIDTH, double)
