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

// STORED is what an element T takes in memory: a vector of three is copied like one of four.
// The stride applies to the side in global memory.
#define COPY(to_space, from_space, T, STORED, to_index, from_index)                           \
  BUILTIN event_t async_work_group_copy(to_space T *to, const from_space T *from,             \
                                        size_t count, event_t event) {                        \
    to_space STORED *target = (to_space STORED *)to;                                          \
    const from_space STORED *source = (const from_space STORED *)from;                        \
    size_t step = work_item_count();                                                          \
    for (size_t i = linear_id(); i < count; i += step)                                        \
      target[i] = source[i];                                                                  \
    return event;                                                                             \
  }                                                                                           \
  BUILTIN event_t async_work_group_strided_copy(to_space T *to, const from_space T *from,     \
                                                size_t count, size_t stride,                  \
                                                event_t event) {                              \
    to_space STORED *target = (to_space STORED *)to;                                          \
    const from_space STORED *source = (const from_space STORED *)from;                        \
    size_t step = work_item_count();                                                          \
    for (size_t i = linear_id(); i < count; i += step)                                        \
      target[to_index] = source[from_index];                                                  \
    return event;                                                                             \
  }
#define COPY_BOTH(T, STORED)                                                                  \
  COPY(__local, __global, T, STORED, i, i *stride)                                            \
  COPY(__global, __local, T, STORED, i *stride, i)                                            \
  BUILTIN void prefetch(const __global T *from, size_t count) {}
#define STORED_WIDTH_
#define STORED_WIDTH_2 2
#define STORED_WIDTH_3 4
#define STORED_WIDTH_4 4
#define STORED_WIDTH_8 8
#define STORED_WIDTH_16 16
#define COPY_WIDTH(n, T) COPY_BOTH(T##n, JOIN(T, STORED_WIDTH_##n))
#define COPY_TYPE(T, U, ...) ALL_WIDTHS(COPY_WIDTH, T)

EACH_INTEGER(COPY_TYPE)
COPY_TYPE(half, )
COPY_TYPE(float, )
COPY_TYPE(double, )

#define WAIT(space, ...)                                                                      \
  __attribute__((convergent)) BUILTIN void wait_group_events(int count, space event_t *events) { \
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);                                      \
  }
EACH_SPACE(WAIT, )
