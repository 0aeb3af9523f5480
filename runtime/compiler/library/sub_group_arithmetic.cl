// Reductions and scans of sub-groups: of one value they are that value, and an exclusive scan is
// the identity of the operation.

#include "sub_group.h"

#define REDUCE(T, name, operation, identity)                                                  \
  BUILTIN T sub_group_##name##reduce_##operation(T value) { return value; }                   \
  BUILTIN T sub_group_##name##scan_inclusive_##operation(T value) { return value; }           \
  BUILTIN T sub_group_##name##scan_exclusive_##operation(T value) { return identity; }
#define REDUCE_NON_UNIFORM(T, operation, identity)                                            \
  REDUCE(T, non_uniform_, operation, identity)                                                \
  BUILTIN T sub_group_clustered_reduce_##operation(T value, uint size) { return value; }
#define REDUCE_BOTH(T, operation, identity)                                                   \
  REDUCE(T, , operation, identity)                                                            \
  REDUCE_NON_UNIFORM(T, operation, identity)

#define NUMBER(T, LEAST, GREATEST)                                                            \
  REDUCE_BOTH(T, add, 0)                                                                      \
  REDUCE_BOTH(T, min, GREATEST)                                                               \
  REDUCE_BOTH(T, max, LEAST)                                                                  \
  REDUCE_NON_UNIFORM(T, mul, 1)

NUMBER(char, CHAR_MIN, CHAR_MAX)
NUMBER(uchar, 0, UCHAR_MAX)
NUMBER(short, SHRT_MIN, SHRT_MAX)
NUMBER(ushort, 0, USHRT_MAX)
NUMBER(int, INT_MIN, INT_MAX)
NUMBER(uint, 0, UINT_MAX)
NUMBER(long, LONG_MIN, LONG_MAX)
NUMBER(ulong, 0, ULONG_MAX)
NUMBER(half, -INFINITY, INFINITY)
NUMBER(float, -INFINITY, INFINITY)
NUMBER(double, -INFINITY, INFINITY)

#define BITWISE(T)                                                                            \
  REDUCE_NON_UNIFORM(T, and, (T) ~(T)0)                                                       \
  REDUCE_NON_UNIFORM(T, or, 0)                                                                \
  REDUCE_NON_UNIFORM(T, xor, 0)
EACH_SUB_GROUP_INTEGER(BITWISE)

#define REDUCE_LOGICAL(operation, identity)                                                   \
  BUILTIN int sub_group_non_uniform_reduce_logical_##operation(int predicate) {               \
    return predicate != 0;                                                                    \
  }                                                                                           \
  BUILTIN int sub_group_non_uniform_scan_inclusive_logical_##operation(int predicate) {       \
    return predicate != 0;                                                                    \
  }                                                                                           \
  BUILTIN int sub_group_non_uniform_scan_exclusive_logical_##operation(int predicate) {       \
    return identity;                                                                          \
  }                                                                                           \
  BUILTIN int sub_group_clustered_reduce_logical_##operation(int predicate, uint size) {      \
    return predicate != 0;                                                                    \
  }
REDUCE_LOGICAL(and, 1)
REDUCE_LOGICAL(or, 0)
REDUCE_LOGICAL(xor, 0)
