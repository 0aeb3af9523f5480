/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's calls as functions that fail the test when they should not fail. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <isocl.h>

#define NODE "/dev/isocl0"
#define PAGE 4096UL
#define MIB (1UL << 20)
#define GIB (1UL << 30)

struct buffer {
	uint32_t handle;
	uint64_t offset;
	size_t length;
	uint8_t *at; /* MAP_FAILED if mapping failed */
};

int open_device(void);
/* The raw call; -1 and errno on failure. */
int call(int fd, unsigned long command, void *argument);
struct isocl_query query(int fd, struct isocl_range *reserved, unsigned int room);
struct isocl_statistics statistics(int fd, uint32_t scope);

struct buffer create(int fd, size_t length, uint32_t flags);
struct buffer create_aligned(int fd, size_t length, uint32_t flags, uint64_t alignment);
void *map_at(int fd, const struct buffer *buffer, void *address, int flags);
struct buffer create_and_map(int fd, size_t length, uint32_t flags);
void unmap(struct buffer *buffer);
int destroy(int fd, uint32_t handle);
void unmap_and_destroy(int fd, struct buffer *buffer);
int info(int fd, uint32_t handle, uint64_t address, struct isocl_buffer_info *info);
int populate(int fd, uint32_t handle, uint64_t offset, uint64_t length);
int discard(int fd, uint32_t handle, uint64_t offset, uint64_t length);
int sync_part(int fd, uint32_t handle, uint64_t offset, uint64_t length, uint32_t direction);
int mirror(int fd, uint64_t start, uint64_t length, uint32_t flags, uint32_t *id);
int unmirror(int fd, uint32_t id);

int submit(int fd, const struct isocl_op *ops, unsigned int count, uint64_t *sequence);
/* 0 if the wait worked; the submission's status goes to status. */
int wait_for(int fd, uint64_t sequence, uint64_t deadline, int *status);
/* Submits one operation and waits: its status. */
int run(int fd, struct isocl_op op);
int take_fault(int fd, struct isocl_fault *fault);
uint64_t now(void);

/* What the device does to memory; statuses as run. */
int device_fill(int fd, const void *at, size_t length, uint8_t byte);
int device_copy(int fd, const void *to, const void *from, size_t length);
int device_add(int fd, const void *at, uint64_t operand, uint64_t times);
/* Reads a word through the device into a word of a buffer. */
int device_read(int fd, const void *from, uint64_t *into);

static inline uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

#endif
