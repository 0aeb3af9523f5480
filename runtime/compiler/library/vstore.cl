// vstoren: vectors to memory that is only aligned to the component. WIDTH is n.

#include "overload.h"
#include "address_spaces.h"

#define STORE_SPACE(space, T)                                                                 \
  BUILTIN void JOIN(vstore, WIDTH)(JOIN(T, WIDTH) value, size_t offset, space T *to) {        \
    to += offset * WIDTH;                                                                     \
    STORE(T, space);                                                                          \
  }
// Only the bytes of the components may be written.
#if WIDTH == 3
#define STORE(T, space)                                                                       \
  to[0] = value.s0;                                                                           \
  to[1] = value.s1;                                                                           \
  to[2] = value.s2
#define PACKED(T)
#else
#define STORE(T, space) *(space packed_##T *)to = value
#define PACKED(T) typedef JOIN(T, WIDTH) packed_##T __attribute__((aligned(sizeof(T))));
#endif
#define STORE_TYPE(T, U, ...)                                                                 \
  PACKED(T)                                                                                   \
  EACH_SPACE(STORE_SPACE, T)

EACH_INTEGER(STORE_TYPE)
STORE_TYPE(half, )
STORE_TYPE(float, )
STORE_TYPE(double, )
