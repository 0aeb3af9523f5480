// The bits of half-precision numbers made of float and double in every rounding mode.

#include "overload.h"

// Whether a positive value between two halves goes to the larger one. rest is the part below
// the kept bits, half_way its middle.
#define AWAY_rte(rest, half_way, odd, negative) (rest > half_way || (rest == half_way && odd))
#define AWAY_rtz(rest, half_way, odd, negative) false
#define AWAY_rtp(rest, half_way, odd, negative) (rest != 0 && !negative)
#define AWAY_rtn(rest, half_way, odd, negative) (rest != 0 && negative)
// Where finite values too large for half precision go.
#define OVERFLOW_rte(negative) 0x7c00
#define OVERFLOW_rtz(negative) 0x7bff
#define OVERFLOW_rtp(negative) (negative ? 0x7bff : 0x7c00)
#define OVERFLOW_rtn(negative) (negative ? 0x7c00 : 0x7bff)

// digits: stored mantissa bits of T; bias: its exponent bias; U: its bits.
#define TO_HALF(T, U, digits, bias, mode)                                                     \
  PART ushort to_half_##mode(T x) {                                                           \
    const int total = sizeof(U) * 8;                                                          \
    U bits = BITS(x, U);                                                                      \
    bool negative = bits >> (total - 1);                                                      \
    U magnitude = bits & (((U)1 << (total - 1)) - 1);                                         \
    int exponent = (int)(magnitude >> digits) - bias;                                         \
    /* Below the smallest normal half, the kept bits shrink; everything tiny is one case. */  \
    int lost = exponent >= -14 ? 0 : -14 - exponent;                                          \
    lost = lost > 12 ? 12 : lost;                                                             \
    U significand = (magnitude & (((U)1 << digits) - 1)) | (U)1 << digits;                    \
    bool tiny = exponent < -26;                                                               \
    significand = tiny ? (U)(magnitude != 0) : significand;                                   \
    int shift = digits - 10 + lost;                                                           \
    U kept = significand >> shift;                                                            \
    U rest = significand & (((U)1 << shift) - 1);                                             \
    U half_way = (U)1 << (shift - 1);                                                         \
    U result = exponent >= -14 ? kept + ((U)(exponent + 14) << 10) : kept;                    \
    result += (U)(AWAY_##mode(rest, half_way, (kept & 1) != 0, negative));                    \
    result = exponent > 15 || result >= 0x7c00 ? (U)OVERFLOW_##mode(negative) : result;       \
    result = exponent > bias ? (U)0x7c00 : result;                                            \
    result = x != x ? (U)0x7e00 : result;                                                     \
    return (ushort)(result | (U)negative << 15);                                              \
  }
#define TO_HALF_TYPE(mode)                                                                    \
  TO_HALF(float, uint, 23, 127, mode) TO_HALF(double, ulong, 52, 1023, mode)
TO_HALF_TYPE(rte)
TO_HALF_TYPE(rtz)
TO_HALF_TYPE(rtp)
TO_HALF_TYPE(rtn)
