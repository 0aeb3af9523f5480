// Explicit conversions from and to half precision. WIDTH is the number of components (empty for
// a scalar).

#include "half.h"
#include "to_half.h"

#define VECTOR(T) JOIN(T, WIDTH)
#define NAME(T, mode) JOIN(JOIN(convert_, VECTOR(T)), mode)

// Float holds every half, so its conversions do the rest.
#define FROM_HALF(T, mode)                                                                    \
  ELSEWHERE VECTOR(T) NAME(T, mode)(VECTOR(float) x);                                         \
  BUILTIN VECTOR(T) NAME(T, mode)(VECTOR(half) x) { return NAME(T, mode)(widen(x)); }
#define FROM_HALF_ROUNDED(T, mode)                                                            \
  FROM_HALF(T, mode)                                                                          \
  FROM_HALF(T, mode##_rte) FROM_HALF(T, mode##_rtz)                                           \
  FROM_HALF(T, mode##_rtp) FROM_HALF(T, mode##_rtn)
#define FROM_HALF_INTEGER(T, ...) FROM_HALF_ROUNDED(T, ) FROM_HALF_ROUNDED(T, _sat)
EACH_INTEGER(FROM_HALF_INTEGER)
FROM_HALF_ROUNDED(double, )

// Every half is itself in float.
#define SAME(mode)                                                                            \
  BUILTIN VECTOR(float) NAME(float, mode)(VECTOR(half) x) { return widen(x); }                \
  BUILTIN VECTOR(half) NAME(half, mode)(VECTOR(half) x) { return x; }
SAME() SAME(_rte) SAME(_rtz) SAME(_rtp) SAME(_rtn)

// Integers that float cannot hold are too large for half in any mode.
#define LANE(x, T, mode) BITS(to_half_##mode((T)(x)), half)
#if WIDTH + 0
#define LANE_ROUND(i, T, mode) LANE(x.s##i, T, mode)
#define ROUND(T, mode) (VECTOR(half))(JOIN(LANES_, WIDTH)(LANE_ROUND, T, mode))
#define NEAREST(T) narrow(__builtin_convertvector(x, VECTOR(float)))
#else
#define ROUND(T, mode) LANE(x, T, mode)
#define NEAREST(T) narrow((float)x)
#endif
#define TO_HALF_MODE(S, T, suffix, mode)                                                      \
  BUILTIN VECTOR(half) NAME(half, suffix)(VECTOR(S) x) { return ROUND(T, mode); }
#define TO_HALF_NEAREST(S, suffix)                                                            \
  BUILTIN VECTOR(half) NAME(half, suffix)(VECTOR(S) x) { return NEAREST(S); }
#define TO_HALF_DIRECTED(S, T)                                                                \
  TO_HALF_MODE(S, T, _rtz, rtz) TO_HALF_MODE(S, T, _rtp, rtp) TO_HALF_MODE(S, T, _rtn, rtn)
#define TO_HALF_NARROW(S, ...)                                                                \
  TO_HALF_NEAREST(S, ) TO_HALF_NEAREST(S, _rte) TO_HALF_DIRECTED(S, float)
EACH_INTEGER(TO_HALF_NARROW)
TO_HALF_NARROW(float)
// By way of float, double would round twice.
TO_HALF_MODE(double, double, , rte)
TO_HALF_MODE(double, double, _rte, rte)
TO_HALF_DIRECTED(double, double)
