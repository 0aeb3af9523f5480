// Explicit conversions convert_TO<width>[_sat][_rte|_rtz|_rtp|_rtn] from every type.
//
// Compiled once for each destination: TO is its component type, WIDTH its width (empty for a
// scalar).

#include "overload.h"

#define KIND_char 1
#define KIND_uchar 1
#define KIND_short 1
#define KIND_ushort 1
#define KIND_int 1
#define KIND_uint 1
#define KIND_long 1
#define KIND_ulong 1
#define KIND_float 2
#define KIND_double 3
#define TO_KIND JOIN(KIND_, TO)

#define EACH_SIGNED(M) M(char) M(short) M(int) M(long)
#define EACH_UNSIGNED(M) M(uchar) M(ushort) M(uint) M(ulong)
#define EACH_FLOATING(M) M(float) M(double)

#if TO_KIND == 1

#define LEAST_char CHAR_MIN
#define LEAST_uchar 0
#define LEAST_short SHRT_MIN
#define LEAST_ushort 0
#define LEAST_int INT_MIN
#define LEAST_uint 0
#define LEAST_long LONG_MIN
#define LEAST_ulong 0
#define MOST_char CHAR_MAX
#define MOST_uchar UCHAR_MAX
#define MOST_short SHRT_MAX
#define MOST_ushort USHRT_MAX
#define MOST_int INT_MAX
#define MOST_uint UINT_MAX
#define MOST_long LONG_MAX
#define MOST_ulong ULONG_MAX
// The first power of two that is too large.
#define LIMIT_char 0x1p7
#define LIMIT_uchar 0x1p8
#define LIMIT_short 0x1p15
#define LIMIT_ushort 0x1p16
#define LIMIT_int 0x1p31
#define LIMIT_uint 0x1p32
#define LIMIT_long 0x1p63
#define LIMIT_ulong 0x1p64
#define LEAST ((TO)JOIN(LEAST_, TO))
#define MOST ((TO)JOIN(MOST_, TO))
#define LIMIT JOIN(LIMIT_, TO)

// Rounding does not matter between integers.
#define FROM_INTEGER(S)                                                                       \
  PART TO plain(S x) { return (TO)x; }                                                        \
  PART TO plain_rte(S x) { return (TO)x; }                                                    \
  PART TO plain_rtz(S x) { return (TO)x; }                                                    \
  PART TO plain_rtp(S x) { return (TO)x; }                                                    \
  PART TO plain_rtn(S x) { return (TO)x; }                                                    \
  PART TO plain_sat_rte(S x) { return plain_sat(x); }                                         \
  PART TO plain_sat_rtz(S x) { return plain_sat(x); }                                         \
  PART TO plain_sat_rtp(S x) { return plain_sat(x); }                                         \
  PART TO plain_sat_rtn(S x) { return plain_sat(x); }

#define FROM_SIGNED(S)                                                                        \
  PART TO plain_sat(S x) {                                                                    \
    return (long)x < (long)JOIN(LEAST_, TO) && LIMIT <= 0x1p63 ? LEAST                        \
           : x < 0 && LEAST == 0                               ? LEAST                        \
           : x > 0 && (ulong)x > (ulong)MOST                   ? MOST                         \
                                                               : (TO)x;                       \
  }                                                                                           \
  FROM_INTEGER(S)
#define FROM_UNSIGNED(S)                                                                      \
  PART TO plain_sat(S x) { return (ulong)x > (ulong)MOST ? MOST : (TO)x; }                    \
  FROM_INTEGER(S)

// The small types go through int, so that a value out of range wraps like an integer.
PART TO narrow(float x) { return sizeof(TO) < 4 ? (TO)(int)x : (TO)x; }
PART TO narrow(double x) { return sizeof(TO) < 4 ? (TO)(int)x : (TO)x; }
#define SATURATE(S)                                                                           \
  PART TO saturate(S x) {                                                                     \
    TO inside = x >= (S)LIMIT ? MOST : x < (S)LEAST ? LEAST : (TO)x;                          \
    return x != x ? (TO)0 : inside;                                                           \
  }
#define ROUNDED(S, mode, round)                                                               \
  PART TO plain##mode(S x) { return narrow(round(x)); }                                       \
  PART TO plain_sat##mode(S x) { return saturate((S)round(x)); }
#define FROM_FLOATING(S)                                                                      \
  SATURATE(S)                                                                                 \
  ROUNDED(S, , )                                                                              \
  ROUNDED(S, _rte, __builtin_elementwise_rint)                                                \
  ROUNDED(S, _rtz, )                                                                          \
  ROUNDED(S, _rtp, __builtin_elementwise_ceil)                                                \
  ROUNDED(S, _rtn, __builtin_elementwise_floor)

#else

#if TO_KIND == 2
#define BITS_TYPE int
#define DIGITS 24
#else
#define BITS_TYPE long
#define DIGITS 53
#endif

PART TO next_away(TO x) { return BITS((BITS_TYPE)(BITS(x, BITS_TYPE) + 1), TO); }
PART TO next_toward_zero(TO x) { return BITS((BITS_TYPE)(BITS(x, BITS_TYPE) - 1), TO); }

// The magnitude cut to DIGITS bits converts exactly; one unit more rounds away from zero.
PART TO cut(ulong x, bool away) {
  int excess = 64 - DIGITS - (int)__builtin_clzg(x, 64);
  ulong lost = excess > 0 ? x & (((ulong)1 << (excess & 63)) - 1) : 0;
  TO result = (TO)(x - lost);
  return away && lost != 0 ? next_away(result) : result;
}
#define EXACT(S) (sizeof(S) * 8 <= DIGITS)
#define FROM_SIGNED(S)                                                                        \
  PART TO plain(S x) { return (TO)x; }                                                        \
  PART TO plain_rte(S x) { return (TO)x; }                                                    \
  PART TO directed(S x, bool up, bool down) {                                                 \
    if (EXACT(S))                                                                             \
      return (TO)x;                                                                           \
    TO result = cut(x < 0 ? 0 - (ulong)x : (ulong)x, x < 0 ? down : up);                      \
    return x < 0 ? -result : result;                                                          \
  }                                                                                           \
  PART TO plain_rtz(S x) { return directed(x, false, false); }                                \
  PART TO plain_rtp(S x) { return directed(x, true, false); }                                 \
  PART TO plain_rtn(S x) { return directed(x, false, true); }
#define FROM_UNSIGNED(S)                                                                      \
  PART TO plain(S x) { return (TO)x; }                                                        \
  PART TO plain_rte(S x) { return (TO)x; }                                                    \
  PART TO plain_rtz(S x) { return EXACT(S) ? (TO)x : cut(x, false); }                         \
  PART TO plain_rtp(S x) { return EXACT(S) ? (TO)x : cut(x, true); }                          \
  PART TO plain_rtn(S x) { return EXACT(S) ? (TO)x : cut(x, false); }

// Only double to float rounds; from the nearest value a directed one is at most a step away.
#define FROM_FLOATING(S)                                                                      \
  PART TO plain(S x) { return (TO)x; }                                                        \
  PART TO plain_rte(S x) { return (TO)x; }                                                    \
  PART TO plain_rtz(S x) {                                                                    \
    TO y = (TO)x;                                                                             \
    return __builtin_elementwise_abs((S)y) > __builtin_elementwise_abs(x) ? next_toward_zero(y) : y; \
  }                                                                                           \
  PART TO plain_rtp(S x) {                                                                    \
    TO y = (TO)x;                                                                             \
    TO up = y == 0 ? BITS((BITS_TYPE)1, TO) : y < 0 ? next_toward_zero(y) : next_away(y);     \
    return (S)y < x ? up : y;                                                                 \
  }                                                                                           \
  PART TO plain_rtn(S x) { return -plain_rtp(-x); }

#endif

#define NAME(mode) JOIN(JOIN(JOIN(convert_, TO), WIDTH), mode)

#if WIDTH + 0
#define LANE_CONVERT(i, plain) plain(x.s##i)
#define CONVERT(S, mode)                                                                      \
  BUILTIN JOIN(TO, WIDTH) NAME(mode)(JOIN(S, WIDTH) x) {                                      \
    return (JOIN(TO, WIDTH))(JOIN(LANES_, WIDTH)(LANE_CONVERT, plain##mode));                 \
  }
#else
#define CONVERT(S, mode)                                                                      \
  BUILTIN TO NAME(mode)(S x) { return plain##mode(x); }
#endif

#define CONVERT_ROUNDED(S)                                                                    \
  CONVERT(S, ) CONVERT(S, _rte) CONVERT(S, _rtz) CONVERT(S, _rtp) CONVERT(S, _rtn)
#if TO_KIND == 1
#define CONVERT_ALL(S)                                                                        \
  CONVERT_ROUNDED(S)                                                                          \
  CONVERT(S, _sat) CONVERT(S, _sat_rte) CONVERT(S, _sat_rtz) CONVERT(S, _sat_rtp)             \
  CONVERT(S, _sat_rtn)
#else
#define CONVERT_ALL(S) CONVERT_ROUNDED(S)
#endif

EACH_SIGNED(FROM_SIGNED)
EACH_UNSIGNED(FROM_UNSIGNED)
EACH_FLOATING(FROM_FLOATING)
EACH_SIGNED(CONVERT_ALL)
EACH_UNSIGNED(CONVERT_ALL)
EACH_FLOATING(CONVERT_ALL)
