// vload_half and vloada_half: half-precision numbers in memory, read as float. WIDTH is the
// number of components (empty for a scalar).

#include "overload.h"
#include "address_spaces.h"

// A scaled reinterpretation is exact for denormals too; only infinity and NaN need their
// exponent filled up.
PART float from_half(ushort half_bits) {
  uint magnitude = ((uint)half_bits & 0x7fff) << 13;
  float finite = BITS(magnitude, float) * 0x1p112f;
  uint special = magnitude | 0x7f800000;
  uint bits = magnitude >= 0x0f800000 ? special : BITS(finite, uint);
  return BITS(bits | ((uint)half_bits & 0x8000) << 16, float);
}

#if WIDTH + 0
#define LANE_LOAD(i, unused) from_half(from[0x##i])
#define VALUE (JOIN(float, WIDTH))(JOIN(LANES_, WIDTH)(LANE_LOAD, ))
#define STRIDE WIDTH
#else
#define VALUE from_half(*from)
#define STRIDE 1
#endif
// The aligned variant keeps vectors of three at the distance of four.
#define ALIGNED_STRIDE (STRIDE == 3 ? 4 : STRIDE)

#define LOAD(space, name, stride)                                                             \
  BUILTIN JOIN(float, WIDTH) JOIN(name, WIDTH)(size_t offset, const space half *halves) {     \
    const space ushort *from = (const space ushort *)halves + offset * stride;                \
    return VALUE;                                                                             \
  }

EACH_READABLE_SPACE(LOAD, vload_half, STRIDE)
EACH_READABLE_SPACE(LOAD, vloada_half, ALIGNED_STRIDE)
