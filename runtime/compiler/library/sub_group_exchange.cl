// Broadcasts, shuffles and rotations of sub-groups. Work-items that do not exist or do not run have
// undefined values.

#include "sub_group.h"

#define BROADCAST_WIDTH(n, T)                                                                 \
  T##n PROVIDED __isocl_sub_group_take(T##n value, uint id);                                  \
  BUILTIN T##n sub_group_broadcast(T##n value, uint id) {                                     \
    return __isocl_sub_group_take(value, id);                                                 \
  }                                                                                           \
  BUILTIN T##n sub_group_non_uniform_broadcast(T##n value, uint id) {                         \
    return __isocl_sub_group_take(value, id);                                                 \
  }
#define BROADCAST(T)                                                                          \
  ALL_WIDTHS(BROADCAST_WIDTH, T)                                                              \
  BUILTIN T sub_group_broadcast_first(T value) {                                              \
    return __isocl_sub_group_take(value, first());                                            \
  }

// The number of the work-item `delta` further on in a circle of `size`.
PART uint rotated(uint id, int delta, uint size) {
  int rest = delta % (int)size;
  uint further = id + (rest < 0 ? rest + (int)size : rest);
  return further < size ? further : further - size;
}

#define EXCHANGE(T)                                                                           \
  BUILTIN T sub_group_shuffle(T value, uint id) { return __isocl_sub_group_take(value, id); } \
  BUILTIN T sub_group_shuffle_xor(T value, uint mask) {                                       \
    return __isocl_sub_group_take(value, __isocl_sub_group_local_id() ^ mask);                \
  }                                                                                           \
  BUILTIN T sub_group_shuffle_up(T value, uint delta) {                                       \
    return __isocl_sub_group_take(value, __isocl_sub_group_local_id() - delta);               \
  }                                                                                           \
  BUILTIN T sub_group_shuffle_down(T value, uint delta) {                                     \
    return __isocl_sub_group_take(value, __isocl_sub_group_local_id() + delta);               \
  }                                                                                           \
  BUILTIN T sub_group_rotate(T value, int delta) {                                            \
    uint id = rotated(__isocl_sub_group_local_id(), delta, max_size());                       \
    return __isocl_sub_group_take(value, id);                                                 \
  }                                                                                           \
  BUILTIN T sub_group_clustered_rotate(T value, int delta, uint size) {                       \
    uint id = __isocl_sub_group_local_id();                                                   \
    uint inside = id + (uint)delta & size - 1;                                                \
    return __isocl_sub_group_take(value, id & ~(size - 1) | inside);                          \
  }

EACH_SUB_GROUP_SCALAR(BROADCAST)
EACH_SUB_GROUP_SCALAR(EXCHANGE)
