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

// The sine of r half turns, for |r| <= 1/2.
PART float sin_half_turn(float r) {
  float z = r * r;
  float p = FMA(FMA(0.0777193457f, z, -0.598331392f), z, 2.55008626f);
  p = FMA(p, z, -5.16771078f);
  return FMA(p * z, r, r * 3.14159274f);
}
PART double sin_half_turn(double r) {
  double z = r * r, z2 = z * z;
  double p = FMA(0x1.0ab31f8dea54dp-20, z, -0x1.7372f05d278fcp-16);
  p = FMA(p, z2, FMA(0x1.e90ee39d050fdp-12, z, -0x1.e307b1eda0f8cp-8));
  p = FMA(p, z2, FMA(0x1.5078355073063p-4, z, -0x1.32d2cce7eafdcp-1));
  p = FMA(p, z2, FMA(0x1.466bc6775e780p+1, z, -0x1.4abbce625beaep+2));
  return FMA(p * z, r, r * 0x1.921fb54442d18p+1);
}

// The argument is an integer, whose low bit is that of t, and a rest; zeros become positive. Large
// arguments, those above `most`, are less a multiple of a whole turn. Zeros of the sine have the sign of
// x, zeros of the cosine are positive.
#define SINE_COSINE(T, bits, sign, rounder, most, rint)                                       \
  PART T bounded_turns(T a) {                                                                 \
    if (UNLIKELY(!(a < most)))                                                                \
      a -= 2 * rint(a * (T)0.5);                                                              \
    return a;                                                                                 \
  }                                                                                           \
  PART T sin_of_turns(T r, T t) {                                                             \
    return BITS(BITS(sin_half_turn(r), bits) ^ (BITS(t, bits) << sign), T) + 0;               \
  }                                                                                           \
  BUILTIN T sinpi(T x) {                                                                      \
    T a = bounded_turns(absolute(x)), t = a + rounder;                                        \
    T result = sin_of_turns(a - (t - rounder), t);                                            \
    return BITS(BITS(result, bits) ^ (BITS(x, bits) >> sign << sign), T);                     \
  }                                                                                           \
  BUILTIN T cospi(T x) {                                                                      \
    T a = bounded_turns(absolute(x)), t = (a - (T)0.5) + rounder;                             \
    return sin_of_turns((t - rounder) + (T)0.5 - a, t);                                       \
  }
SINE_COSINE(float, uint, 31, ROUNDER, 0x1p21f, __builtin_rintf)
SINE_COSINE(double, ulong, 63, ROUNDER_WIDE, 0x1p50, __builtin_rint)

// The tangent is copysign(0, x) at even integers and the opposite at odd ones.
#define TANGENT(T)                                                                            \
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
TANGENT(float)
TANGENT(double)

UNARY_FLOATING(sinpi)
UNARY_FLOATING(cospi)
UNARY_FLOATING(tanpi)
