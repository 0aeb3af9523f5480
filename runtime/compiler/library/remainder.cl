// fmod, remainder, remquo: exact, by one division in double. Where the quotient is huge, the host's
// functions.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

// Both are finite, y is not zero and the quotient is an exact integer in double.
PART bool small_quotient(double x, double y) {
  return absolute(x) < absolute(y) * 0x1p50 && absolute(y) < __builtin_inf();
}

#define FMOD(T)                                                                               \
  BUILTIN T fmod(T x, T y) {                                                                  \
    double a = absolute((double)x), b = absolute((double)y);                                  \
    /* The quotient may be one too large when it was rounded up to an integer. */             \
    double rest = FMA(-__builtin_trunc(a / b), b, a);                                         \
    rest = rest < 0 ? rest + b : rest;                                                        \
    T result = __builtin_elementwise_copysign((T)rest, x);                                    \
    if (UNLIKELY(!small_quotient(x, y)))                                                      \
      result = (T)isocl_host_fmod(x, y);                                                      \
    return result;                                                                            \
  }
FMOD(float)
FMOD(double)

// The remainder for non-negative arguments, the quotient rounded to nearest even.
PART double nearest_remainder(double a, double b, __private double *quotient) {
  double q = __builtin_trunc(a / b);
  double rest = FMA(-q, b, a);
  bool below = rest < 0;
  q = below ? q - 1 : q;
  rest = below ? rest + b : rest;
  bool odd = __builtin_trunc(q * 0.5) != q * 0.5;
  bool up = rest + rest > b || (rest + rest == b && odd);
  *quotient = up ? q + 1 : q;
  return up ? rest - b : rest;
}

#define REMQUO_PARTS(T, bits)                                                                 \
  PART T remquo_parts(T x, T y, __private int *low_quotient) {                                \
    double q;                                                                                 \
    T rest = (T)nearest_remainder(absolute((double)x), absolute((double)y), &q);              \
    /* Only a zero rest has no sign of its own; x's sign is right for it too. */              \
    rest = BITS(x, bits) < 0 ? -rest : rest;                                                  \
    int low = (int)((long)(q < 0x1p52 ? q : 0.0) & 0x7f);                                     \
    low = (BITS(x, bits) ^ BITS(y, bits)) < 0 ? -low : low;                                   \
    if (UNLIKELY(!small_quotient(x, y))) {                                                    \
      rest = (T)isocl_host_remainder(x, y);                                                   \
      low = isocl_host_quotient_bits(x, y);                                                   \
    }                                                                                         \
    *low_quotient = low;                                                                      \
    return rest;                                                                              \
  }
REMQUO_PARTS(float, int)
REMQUO_PARTS(double, long)

#define REMAINDER(T)                                                                          \
  BUILTIN T remainder(T x, T y) {                                                             \
    int low;                                                                                  \
    return remquo_parts(x, y, &low);                                                          \
  }
REMAINDER(float)
REMAINDER(double)

BINARY_FLOATING(fmod)
BINARY_FLOATING(remainder)
BINARY_OUT(float, remquo, int)
BINARY_OUT(double, remquo, int)
