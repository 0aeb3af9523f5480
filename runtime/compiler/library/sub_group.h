// What the sub-group functions share.
//
// The compiler provides the functions declared here (sub_group.rs); the others are made of them.
// Sub-groups have at most 32 work-items, so the first component of a ballot is all of it.

#include "overload.h"

// M(T) for every scalar type that sub-group functions take.
#define EACH_SUB_GROUP_INTEGER(M)                                                             \
  M(char) M(uchar) M(short) M(ushort) M(int) M(uint) M(long) M(ulong)
#define EACH_SUB_GROUP_SCALAR(M) EACH_SUB_GROUP_INTEGER(M) M(half) M(float) M(double)

#define PROVIDED __attribute__((overloadable, convergent))

// Most work-items in a sub-group, how many this one has, and which one this is.
uint PROVIDED __isocl_sub_group_width(void);
uint PROVIDED __isocl_sub_group_size(void);
uint PROVIDED __isocl_sub_group_id(void);
uint PROVIDED __isocl_sub_group_local_id(void);
// A bit for each running work-item whose predicate is not zero.
uint PROVIDED __isocl_sub_group_ballot(int predicate);

#define EVERYBODY UINT_MAX

size_t __attribute__((overloadable, const)) get_local_size(uint dimension);
size_t __attribute__((overloadable, const)) get_enqueued_local_size(uint dimension);
size_t __attribute__((overloadable, const)) get_local_linear_id(void);

// The first running work-item.
PART uint first(void) { return __builtin_ctz(__isocl_sub_group_ballot(1)); }

// Work-items in a full work-group of this launch.
PART size_t enqueued_items(void) {
  return get_enqueued_local_size(0) * get_enqueued_local_size(1) * get_enqueued_local_size(2);
}

// Most work-items in a sub-group of this launch.
PART uint max_size(void) {
  size_t items = enqueued_items();
  uint width = __isocl_sub_group_width();
  return items < width ? items : width;
}
