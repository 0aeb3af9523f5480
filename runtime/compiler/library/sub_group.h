// What the sub-group functions share.
//
// A sub-group is one work-item. Sub-group functions may be called in branches that only some
// sub-groups take, so they must not be meetings of the work-group; with one work-item in each
// sub-group every function is a computation of its own work-item, whatever the others do.
// All other sub-group local ids than 0 are outside the sub-group, where results are undefined.

#include "overload.h"

// M(T) for every scalar type that sub-group functions take.
#define EACH_SUB_GROUP_INTEGER(M)                                                             \
  M(char) M(uchar) M(short) M(ushort) M(int) M(uint) M(long) M(ulong)
#define EACH_SUB_GROUP_SCALAR(M) EACH_SUB_GROUP_INTEGER(M) M(half) M(float) M(double)
