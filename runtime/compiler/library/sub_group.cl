// Sub-group queries and sub_group_barrier.

#include "sub_group.h"

void PROVIDED __isocl_sub_group_barrier(void);
void __attribute__((overloadable)) atomic_work_item_fence(cl_mem_fence_flags flags,
                                                          memory_order order,
                                                          memory_scope scope);

PART uint sub_groups(size_t items) {
  uint width = __isocl_sub_group_width();
  return (items + width - 1) / width;
}

BUILTIN uint get_sub_group_size(void) { return __isocl_sub_group_size(); }
BUILTIN uint get_max_sub_group_size(void) { return max_size(); }
BUILTIN uint get_num_sub_groups(void) {
  return sub_groups(get_local_size(0) * get_local_size(1) * get_local_size(2));
}
BUILTIN uint get_enqueued_num_sub_groups(void) {
  return sub_groups(enqueued_items());
}
BUILTIN uint get_sub_group_id(void) {
  return __isocl_sub_group_width() == 1 ? get_local_linear_id() : __isocl_sub_group_id();
}
BUILTIN uint get_sub_group_local_id(void) { return __isocl_sub_group_local_id(); }

// The work-items of a sub-group run in step, but memory must be as visible as the scope says.
BUILTIN void sub_group_barrier(cl_mem_fence_flags flags, memory_scope scope) {
  __isocl_sub_group_barrier();
  if (scope != memory_scope_work_item && scope != memory_scope_sub_group)
    atomic_work_item_fence(flags, memory_order_acq_rel, scope);
}
BUILTIN void sub_group_barrier(cl_mem_fence_flags flags) { __isocl_sub_group_barrier(); }
