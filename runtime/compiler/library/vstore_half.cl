// vstore_half and vstorea_half: float and double rounded to half precision in memory. WIDTH is
// the number of components (empty for a scalar).

#include "overload.h"
#include "address_spaces.h"
#include "to_half.h"

#if WIDTH + 0
#define LANE_STORE(i, mode) to[0x##i] = to_half_##mode(value.s##i);
#define ASSIGN(mode) JOIN(STEPS_, WIDTH)(LANE_STORE, mode)
#define STRIDE WIDTH
#else
#define ASSIGN(mode) *to = to_half_##mode(value);
#define STRIDE 1
#endif
// The aligned variant keeps vectors of three at the distance of four.
#define ALIGNED_STRIDE (STRIDE == 3 ? 4 : STRIDE)

#define STORE(space, T, name, suffix, stride, mode)                                           \
  BUILTIN void JOIN(JOIN(name, WIDTH), suffix)(JOIN(T, WIDTH) value, size_t offset,           \
                                               space half *halves) {                          \
    space ushort *to = (space ushort *)halves + offset * stride;                              \
    ASSIGN(mode)                                                                              \
  }
#define STORE_MODE(suffix, mode)                                                              \
  EACH_SPACE(STORE, float, vstore_half, suffix, STRIDE, mode)                                 \
  EACH_SPACE(STORE, double, vstore_half, suffix, STRIDE, mode)                                \
  EACH_SPACE(STORE, float, vstorea_half, suffix, ALIGNED_STRIDE, mode)                        \
  EACH_SPACE(STORE, double, vstorea_half, suffix, ALIGNED_STRIDE, mode)

STORE_MODE(, rte)
STORE_MODE(_rte, rte)
STORE_MODE(_rtz, rtz)
STORE_MODE(_rtp, rtp)
STORE_MODE(_rtn, rtn)
