// Sub-group queries and sub_group_barrier.

#include "sub_group.h"

size_t __attribute__((overloadable, const)) get_local_size(uint dimension);
size_t __attribute__((overloadable, const)) get_enqueued_local_size(uint dimension);
size_t __attribute__((overloadable, const)) get_local_linear_id(void);
void __attribute__((overloadable)) atomic_work_item_fence(cl_mem_fence_flags flags,
                                                          memory_order order,
                                                          memory_scope scope);

BUILTIN uint get_sub_group_size(void) { return 1; }
BUILTIN uint get_max_sub_group_size(void) { return 1; }
BUILTIN uint get_num_sub_groups(void) {
  return get_local_size(0) * get_local_size(1) * get_local_size(2);
}
BUILTIN uint get_enqueued_num_sub_groups(void) {
  return get_enqueued_local_size(0) * get_enqueued_local_size(1) * get_enqueued_local_size(2);
}
BUILTIN uint get_sub_group_id(void) { return get_local_linear_id(); }
BUILTIN uint get_sub_group_local_id(void) { return 0; }

// Nobody else has to arrive, but memory must be as visible as the scope says.
BUILTIN void sub_group_barrier(cl_mem_fence_flags flags, memory_scope scope) {
  atomic_work_item_fence(flags, memory_order_acq_rel, scope);
}
// The scope is the sub-group, and a work-item sees its own accesses in order.
BUILTIN void sub_group_barrier(cl_mem_fence_flags flags) {}
