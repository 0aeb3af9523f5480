// Reductions and scans of sub-groups. Work-items that do not run take no part, so the functions for
// uniform control flow are those for any.

#include "sub_group.h"

#define REDUCE(T, name, operation)                                                            \
  BUILTIN T sub_group_##name##reduce_##operation(T value) {                                   \
    return __isocl_sub_group_reduce_##operation(value, EVERYBODY);                            \
  }                                                                                           \
  BUILTIN T sub_group_##name##scan_inclusive_##operation(T value) {                           \
    return __isocl_sub_group_scan_inclusive_##operation(value);                               \
  }                                                                                           \
  BUILTIN T sub_group_##name##scan_exclusive_##operation(T value) {                           \
    return __isocl_sub_group_scan_exclusive_##operation(value);                               \
  }
#define REDUCE_NON_UNIFORM(T, operation)                                                      \
  T PROVIDED __isocl_sub_group_reduce_##operation(T value, uint neighbours);                  \
  T PROVIDED __isocl_sub_group_scan_inclusive_##operation(T value);                           \
  T PROVIDED __isocl_sub_group_scan_exclusive_##operation(T value);                           \
  REDUCE(T, non_uniform_, operation)                                                          \
  BUILTIN T sub_group_clustered_reduce_##operation(T value, uint size) {                      \
    return __isocl_sub_group_reduce_##operation(value, size);                                 \
  }
#define REDUCE_BOTH(T, operation)                                                             \
  REDUCE_NON_UNIFORM(T, operation)                                                            \
  REDUCE(T, , operation)

#define NUMBER(T)                                                                             \
  REDUCE_BOTH(T, add)                                                                         \
  REDUCE_BOTH(T, min)                                                                         \
  REDUCE_BOTH(T, max)                                                                         \
  REDUCE_NON_UNIFORM(T, mul)
EACH_SUB_GROUP_SCALAR(NUMBER)

#define BITWISE(T)                                                                            \
  REDUCE_NON_UNIFORM(T, and)                                                                  \
  REDUCE_NON_UNIFORM(T, or)                                                                   \
  REDUCE_NON_UNIFORM(T, xor)
EACH_SUB_GROUP_INTEGER(BITWISE)

// The identity of `and` has all bits, of which the last one counts.
#define REDUCE_LOGICAL(operation)                                                             \
  BUILTIN int sub_group_non_uniform_reduce_logical_##operation(int predicate) {               \
    return __isocl_sub_group_reduce_##operation(predicate != 0, EVERYBODY) & 1;               \
  }                                                                                           \
  BUILTIN int sub_group_non_uniform_scan_inclusive_logical_##operation(int predicate) {       \
    return __isocl_sub_group_scan_inclusive_##operation(predicate != 0) & 1;                  \
  }                                                                                           \
  BUILTIN int sub_group_non_uniform_scan_exclusive_logical_##operation(int predicate) {       \
    return __isocl_sub_group_scan_exclusive_##operation(predicate != 0) & 1;                  \
  }                                                                                           \
  BUILTIN int sub_group_clustered_reduce_logical_##operation(int predicate, uint size) {      \
    return __isocl_sub_group_reduce_##operation(predicate != 0, size) & 1;                    \
  }
REDUCE_LOGICAL(and)
REDUCE_LOGICAL(or)
REDUCE_LOGICAL(xor)
