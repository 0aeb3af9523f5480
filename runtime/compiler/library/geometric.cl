// Geometric functions: cross, distance, length, normalize and their fast variants.

#include "dot.h"

#define CROSS(T)                                                                              \
  BUILTIN T##3 cross(T##3 x, T##3 y) {                                                        \
    _Pragma("OPENCL FP_CONTRACT ON") return x.yzx * y.zxy - x.zxy * y.yzx;                    \
  }                                                                                           \
  BUILTIN T##4 cross(T##4 x, T##4 y) { return (T##4)(cross(x.xyz, y.xyz), 0); }
CROSS(float)
CROSS(double)

EACH_DOT(PART, float)
EACH_DOT(PART, double)

// Lengths whose squares leave the range of T take a second way: floats are squared as doubles,
// doubles are first scaled by a power of two.
PART double length_wide(float x) { return __builtin_fabs((double)x); }
#define LENGTH_WIDE(n)                                                                        \
  PART double length_wide(float##n x) {                                                       \
    double##n wide = __builtin_convertvector(x, double##n);                                   \
    return __builtin_sqrt(dot(wide, wide));                                                   \
  }
LENGTH_WIDE(2)
LENGTH_WIDE(3)
LENGTH_WIDE(4)

#define LANE_LARGEST(i, unused) largest = __builtin_elementwise_max(largest, (double)x.s##i);
#define SCALE(n)                                                                              \
  PART double scale(double##n x) {                                                            \
    double largest = 0;                                                                       \
    x = __builtin_elementwise_abs(x);                                                         \
    STEPS_##n(LANE_LARGEST, ) return largest > 1 ? 0x1p-600 : 0x1p600;                        \
  }
PART double scale(double x) { return __builtin_fabs(x) > 1 ? 0x1p-600 : 0x1p600; }
SCALE(2)
SCALE(3)
SCALE(4)

#define EXTREME(n)                                                                            \
  PART float length_extreme(float##n x) { return (float)length_wide(x); }                     \
  PART float##n normalize_extreme(float##n x) {                                               \
    double inverse = 1.0 / length_wide(x);                                                    \
    return x == (float##n)0 ? x                                                               \
                            : CONVERT_##n((CONVERT_##n(x, double) * (double##n)inverse), float); \
  }                                                                                           \
  PART double length_extreme(double##n x) {                                                   \
    double factor = scale(x);                                                                 \
    x *= (double##n)factor;                                                                   \
    return __builtin_sqrt(dot(x, x)) / factor;                                                \
  }                                                                                           \
  PART double##n normalize_extreme(double##n x) {                                             \
    double factor = scale(x);                                                                 \
    double##n scaled = x * (double##n)factor;                                                 \
    double inverse = 1.0 / __builtin_sqrt(dot(scaled, scaled));                               \
    /* Small components beside large ones must not lose bits in between. */                   \
    bool large = factor < 1;                                                                  \
    double##n unit = x * (double##n)(large ? inverse : factor);                               \
    unit *= (double##n)(large ? factor : inverse);                                            \
    return x == (double##n)0 ? x : unit;                                                      \
  }
#define CONVERT_(x, T) (T)(x)
#define CONVERT_2(x, T) __builtin_convertvector(x, T##2)
#define CONVERT_3(x, T) __builtin_convertvector(x, T##3)
#define CONVERT_4(x, T) __builtin_convertvector(x, T##4)
EXTREME()
EXTREME(2)
EXTREME(3)
EXTREME(4)

#define LENGTH(n, T, least, most)                                                             \
  BUILTIN T length(T##n x) {                                                                  \
    T square = dot(x, x);                                                                     \
    T result = __builtin_elementwise_sqrt(square);                                            \
    if (UNLIKELY(!(square > (T)least && square < (T)most)))                                   \
      result = length_extreme(x);                                                             \
    return result;                                                                            \
  }                                                                                           \
  BUILTIN T##n normalize(T##n x) {                                                            \
    /* An infinite component counts as one unit, a finite one beside it as zero. */           \
    T##n infinite = __builtin_elementwise_abs(x) == (T##n)(T)__builtin_inf() ? (T##n)1 : (T##n)0; \
    if (UNLIKELY(dot(infinite, infinite) > 0))                                                \
      x = x != x ? x : __builtin_elementwise_copysign(infinite, x);                           \
    T square = dot(x, x);                                                                     \
    T##n result = x * (T##n)((T)1 / __builtin_elementwise_sqrt(square));                      \
    if (UNLIKELY(!(square > (T)least && square < (T)most)))                                   \
      result = normalize_extreme(x);                                                          \
    return result;                                                                            \
  }                                                                                           \
  BUILTIN T distance(T##n x, T##n y) { return length(x - y); }                                \
  BUILTIN T fast_length(T##n x) { return __builtin_elementwise_sqrt(dot(x, x)); }             \
  BUILTIN T fast_distance(T##n x, T##n y) { return fast_length(x - y); }                      \
  BUILTIN T##n fast_normalize(T##n x) {                                                       \
    T square = dot(x, x);                                                                     \
    T##n result = x * (T##n)((T)1 / __builtin_elementwise_sqrt(square));                      \
    return square == 0 ? x : result;                                                          \
  }
#define LENGTH_TYPE(T, least, most)                                                           \
  LENGTH(, T, least, most) LENGTH(2, T, least, most) LENGTH(3, T, least, most)                \
  LENGTH(4, T, least, most)
LENGTH_TYPE(float, 0x1p-100, 0x1p120)
LENGTH_TYPE(double, 0x1p-900, 0x1p1000)
