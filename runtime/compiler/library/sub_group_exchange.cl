// Broadcasts, shuffles and rotations of sub-groups: the only value is that of the work-item.

#include "sub_group.h"

#define BROADCAST_WIDTH(n, T)                                                                 \
  BUILTIN T##n sub_group_broadcast(T##n value, uint id) { return value; }                     \
  BUILTIN T##n sub_group_non_uniform_broadcast(T##n value, uint id) { return value; }
#define BROADCAST(T)                                                                          \
  ALL_WIDTHS(BROADCAST_WIDTH, T)                                                              \
  BUILTIN T sub_group_broadcast_first(T value) { return value; }

#define EXCHANGE(T)                                                                           \
  BUILTIN T sub_group_shuffle(T value, uint id) { return value; }                             \
  BUILTIN T sub_group_shuffle_xor(T value, uint mask) { return value; }                       \
  BUILTIN T sub_group_shuffle_up(T value, uint delta) { return value; }                       \
  BUILTIN T sub_group_shuffle_down(T value, uint delta) { return value; }                     \
  BUILTIN T sub_group_rotate(T value, int delta) { return value; }                            \
  BUILTIN T sub_group_clustered_rotate(T value, int delta, uint size) { return value; }

EACH_SUB_GROUP_SCALAR(BROADCAST)
EACH_SUB_GROUP_SCALAR(EXCHANGE)
