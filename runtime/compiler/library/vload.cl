// vloadn: vectors from memory that is only aligned to the component. WIDTH is n.

#include "overload.h"
#include "address_spaces.h"

#define LOAD_SPACE(space, T)                                                                  \
  BUILTIN JOIN(T, WIDTH) JOIN(vload, WIDTH)(size_t offset, const space T *from) {             \
    from += offset * WIDTH;                                                                   \
    return LOAD(T, space);                                                                    \
  }
// A vector of three takes four times the space, so its components are read one by one.
#if WIDTH == 3
#define LOAD(T, space) (T##3)(from[0], from[1], from[2])
#define PACKED(T)
#else
#define LOAD(T, space) *(const space packed_##T *)from
#define PACKED(T) typedef JOIN(T, WIDTH) packed_##T __attribute__((aligned(sizeof(T))));
#endif
#define LOAD_TYPE(T, U, ...)                                                                  \
  PACKED(T)                                                                                   \
  EACH_READABLE_SPACE(LOAD_SPACE, T)

EACH_INTEGER(LOAD_TYPE)
LOAD_TYPE(half, )
LOAD_TYPE(float, )
LOAD_TYPE(double, )
