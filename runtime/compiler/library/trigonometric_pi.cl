// sinpi, cospi and tanpi: the argument in half turns, reduced exactly.

#include "overload.h"
#include "elementary.h"

// x = quarter / 2 + rest with |rest| <= 1/4, quarter modulo 4. Infinity becomes NaN.
#define REDUCE(T, rint)                                                                       \
  PART T reduce_half_turn(T x, __private int *quarter) {                                      \
    x -= (T)2 * rint(x * (T)0.5);                                                             \
    T n = rint((T)2 * x);                                                                     \
    *quarter = x == x ? (int)n : 0;                                                           \
    return x - (T)0.5 * n;                                                                    \
  }
REDUCE(float, __builtin_rintf)
REDUCE(double, __builtin_rint)

PART float sin_small(float r) { return sin_kernel(r * 3.14159274f); }
PART float cos_small(float r) { return cos_kernel(r * 3.14159274f); }
PART double sin_small(double r) { return sin_kernel(r * 0x1.921fb54442d18p+1); }
PART double cos_small(double r) { return cos_kernel(r * 0x1.921fb54442d18p+1); }

// Zeros of the sine have the sign of x, zeros of the cosine are positive, the tangent is
// copysign(0, x) at even integers and the opposite at odd ones.
#define PI_FUNCTIONS(T)                                                                       \
  BUILTIN T sinpi(T x) {                                                                      \
    int quarter;                                                                              \
    T r = reduce_half_turn(x, &quarter);                                                      \
    T value = (quarter & 1) != 0 ? cos_small(r) : sin_small(r);                               \
    value = (quarter & 2) != 0 ? -value : value;                                              \
    return value == 0 ? __builtin_elementwise_copysign((T)0, x) : value;                      \
  }                                                                                           \
  BUILTIN T cospi(T x) {                                                                      \
    int quarter;                                                                              \
    T r = reduce_half_turn(x, &quarter);                                                      \
    T value = (quarter & 1) != 0 ? sin_small(r) : cos_small(r);                               \
    value = ((quarter + 1) & 2) != 0 ? -value : value;                                        \
    return value == 0 ? (T)0 : value;                                                         \
  }                                                                                           \
  BUILTIN T tanpi(T x) {                                                                      \
    int quarter;                                                                              \
    T r = reduce_half_turn(x, &quarter);                                                      \
    T sine = sin_small(r), cosine = cos_small(r);                                             \
    bool odd = (quarter & 1) != 0;                                                            \
    T value = (odd ? -cosine : sine) / (odd ? sine : cosine);                                 \
    T zero = __builtin_elementwise_copysign((T)0, x);                                         \
    zero = (quarter & 2) != 0 ? -zero : zero;                                                 \
    /* Poles: +infinity half a turn after an even integer, counted away from zero. */         \
    T pole = __builtin_elementwise_copysign((T)__builtin_inf(), x);                           \
    pole = ((x < 0 ? -quarter : quarter) & 2) != 0 ? -pole : pole;                            \
    value = r == 0 ? (odd ? pole : zero) : value;                                             \
    return value;                                                                             \
  }
PI_FUNCTIONS(float)
PI_FUNCTIONS(double)

UNARY_FLOATING(sinpi)
UNARY_FLOATING(cospi)
UNARY_FLOATING(tanpi)
