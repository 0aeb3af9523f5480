// sinh, cosh, tanh and their inverses: through exp(x) - 1 and log(1 + x), which lose nothing of small
// arguments.

#include "overload.h"
#include "elementary.h"

// `most`: the functions of larger numbers are infinite. `flat`: half of what has the tangent 1. `small`:
// smaller ones are their own sines and tangents.
//
// (e^a - e^-a) / 2, by way of a quarter of e^a - 1: that is finite where the result is.
#define HYPERBOLIC(T, most, flat, small)                                                      \
  BUILTIN T sinh(T x) {                                                                       \
    T a = absolute(x);                                                                        \
    T quarter = expm1_scaled(a < most ? a : most, (T)0.25);                                   \
    T result = 2 * (quarter + quarter / FMA((T)4, quarter, (T)1));                            \
    return a > small ? __builtin_elementwise_copysign(result, x) : x;                         \
  }                                                                                           \
  BUILTIN T cosh(T x) {                                                                       \
    T a = absolute(x);                                                                        \
    T t, r = reduce_exp(a < most ? a : most, &t);                                             \
    T quarter = scale_normal((T)0.25 * exp_kernel(r), t);                                     \
    T result = 2 * (quarter + (T)0.0625 / quarter);                                           \
    return x != x ? x : result;                                                               \
  }                                                                                           \
  BUILTIN T tanh(T x) {                                                                       \
    T a = absolute(x);                                                                        \
    T e = expm1_scaled(a < flat ? 2 * a : 2 * flat, (T)1);                                    \
    return a > small ? __builtin_elementwise_copysign(e / (e + 2), x) : x;                    \
  }
HYPERBOLIC(float, 89.5f, 10.0f, 0x1p-12f)
HYPERBOLIC(double, 710.6, 20.0, 0x1p-28)

// Of numbers above `large` the square is all that matters in the root of a square more or less one.
#define INVERSE_HYPERBOLIC(T, large)                                                          \
  BUILTIN T asinh(T x) {                                                                      \
    T a = absolute(x);                                                                        \
    T sum = a + a * a / (1 + __builtin_elementwise_sqrt(FMA(a, a, (T)1)));                    \
    T result = log1p_scaled(a > large ? a : sum, (T)(a > large ? 1 : 0));                     \
    return __builtin_elementwise_copysign(result, x);                                         \
  }                                                                                           \
  BUILTIN T acosh(T x) {                                                                      \
    T d = x - 1;                                                                              \
    T sum = d + __builtin_elementwise_sqrt(FMA(d, d, 2 * d));                                 \
    T result = log1p_scaled(d > large ? d : sum, (T)(d > large ? 1 : 0));                     \
    return x < 1 ? (T)NAN_FLOAT : result;                                                     \
  }                                                                                           \
  BUILTIN T atanh(T x) {                                                                      \
    T a = absolute(x), result = log1p_scaled(2 * a / (1 - a), (T)0);                          \
    return __builtin_elementwise_copysign((T)0.5 * result, x);                                \
  }
INVERSE_HYPERBOLIC(float, 0x1p40f)
INVERSE_HYPERBOLIC(double, 0x1p60)

UNARY_FLOATING(sinh)
UNARY_FLOATING(cosh)
UNARY_FLOATING(tanh)
UNARY_FLOATING(asinh)
UNARY_FLOATING(acosh)
UNARY_FLOATING(atanh)
