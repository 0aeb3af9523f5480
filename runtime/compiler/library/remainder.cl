// fmod, remainder, remquo: exact, by one division. Where the quotient is large, those of floats are those
// of doubles, and where it is huge, those are the host's functions.

#include "overload.h"
#include "address_spaces.h"
#include "elementary.h"
#include "host.h"

// Both are finite, y is not zero and the quotient is an exact integer.
PART bool small_quotient(float x, float y) {
  return absolute(x) < absolute(y) * 0x1p22f && absolute(y) < INFINITE_FLOAT;
}
PART bool small_quotient(double x, double y) {
  return absolute(x) < absolute(y) * 0x1p50 && absolute(y) < __builtin_inf();
}

#define FMOD(T, other)                                                                        \
  BUILTIN T fmod(T x, T y) {                                                                  \
    T a = absolute(x), b = absolute(y);                                                       \
    /* The quotient may be one too large when it was rounded up to an integer. */             \
    T rest = FMA(-__builtin_elementwise_trunc(a / b), b, a);                                  \
    rest = rest < 0 ? rest + b : rest;                                                        \
    T result = __builtin_elementwise_copysign(rest, x);                                       \
    if (UNLIKELY(!small_quotient(x, y)))                                                      \
      result = (T)other(x, y);                                                                \
    return result;                                                                            \
  }
FMOD(double, isocl_host_fmod)
#define WIDE_FMOD(x, y) fmod((double)x, (double)y)
FMOD(float, WIDE_FMOD)

// The remainder for non-negative arguments, the quotient rounded to nearest even.
#define NEAREST_REMAINDER(T)                                                                  \
  PART T nearest_remainder(T a, T b, __private T *quotient) {                                 \
    T q = __builtin_elementwise_trunc(a / b);                                                 \
    T rest = FMA(-q, b, a);                                                                   \
    bool below = rest < 0;                                                                    \
    q = below ? q - 1 : q;                                                                    \
    rest = below ? rest + b : rest;                                                           \
    bool odd = __builtin_elementwise_trunc(q * (T)0.5) != q * (T)0.5;                         \
    T other = b - rest;                                                                       \
    bool up = rest > other || (rest == other && odd);                                         \
    *quotient = up ? q + 1 : q;                                                               \
    return up ? -other : rest;                                                                \
  }
NEAREST_REMAINDER(float)
NEAREST_REMAINDER(double)

#define REMQUO_PARTS(T, bits, limit, other)                                                   \
  PART T remquo_parts(T x, T y, __private int *low_quotient) {                                \
    T q;                                                                                      \
    T rest = nearest_remainder(absolute(x), absolute(y), &q);                                 \
    /* Only a zero rest has no sign of its own; x's sign is right for it too. */              \
    rest = BITS(x, bits) < 0 ? -rest : rest;                                                  \
    int low = (int)((bits)(q < (T)limit ? q : (T)0) & 0x7f);                                  \
    low = (BITS(x, bits) ^ BITS(y, bits)) < 0 ? -low : low;                                   \
    if (UNLIKELY(!small_quotient(x, y)))                                                      \
      rest = (T)other(x, y, &low);                                                            \
    *low_quotient = low;                                                                      \
    return rest;                                                                              \
  }
PART double host_remquo(double x, double y, __private int *low_quotient) {
  *low_quotient = isocl_host_quotient_bits(x, y);
  return isocl_host_remainder(x, y);
}
REMQUO_PARTS(double, long, 0x1p52, host_remquo)
#define WIDE_REMQUO(x, y, low) remquo_parts((double)x, (double)y, low)
REMQUO_PARTS(float, int, 0x1p23, WIDE_REMQUO)

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
