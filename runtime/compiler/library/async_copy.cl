// async_work_group_copy, async_work_group_strided_copy, wait_group_events and prefetch.
//
// The work-items of a group copy their share at once; waiting is a barrier, which makes the copy
// visible to all of them. Events therefore carry nothing and are passed through.

#include "overload.h"
#include "address_spaces.h"

size_t __attribute__((overloadable, const)) get_local_id(uint dimension);
size_t __attribute__((overloadable, const)) get_local_size(uint dimension);
void __attribute__((overloadable, convergent)) barrier(cl_mem_fence_flags flags);

PART size_t linear_id(void) {
  return (get_local_id(2) * get_local_size(1) + get_local_id(1)) * get_local_size(0) +
         get_local_id(0);
}
PART size_t work_item_count(void) {
  return get_local_size(0) * get_local_size(1) * get_local_size(2);
}

#define COPY(to_space, from_space, T)                                                         \
  BUILTIN event_t async_work_group_copy(to_space T *to, const from_space T *from,             \
                                        size_t count, event_t event) {                        \
    size_t step = work_item_count();                                                          \
    for (size_t i = linear_id(); i < count; i += step)                                        \
      to[i] = from[i];                                                                        \
    return event;                                                                             \
  }
// The stride applies to the side in global memory.
#define STRIDED_COPY(to_space, from_space, T, to_index, from_index)                           \
  BUILTIN event_t async_work_group_strided_copy(to_space T *to, const from_space T *from,     \
                                                size_t count, size_t stride,                  \
                                                event_t event) {                              \
    size_t step = work_item_count();                                                          \
    for (size_t i = linear_id(); i < count; i += step)                                        \
      to[to_index] = from[from_index];                                                        \
    return event;                                                                             \
  }
#define COPY_WIDTH(n, T, ...)                                                                 \
  COPY(__local, __global, T##n)                                                               \
  COPY(__global, __local, T##n)                                                               \
  STRIDED_COPY(__local, __global, T##n, i, i *stride)                                         \
  STRIDED_COPY(__global, __local, T##n, i *stride, i)                                         \
  BUILTIN void prefetch(const __global T##n *from, size_t count) {}
#define COPY_TYPE(T, U, ...) ALL_WIDTHS(COPY_WIDTH, T)

EACH_INTEGER(COPY_TYPE)
COPY_TYPE(float, )
COPY_TYPE(double, )

#define WAIT(space, ...)                                                                      \
  __attribute__((convergent)) BUILTIN void wait_group_events(int count, space event_t *events) { \
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);                                      \
  }
EACH_SPACE(WAIT, )
