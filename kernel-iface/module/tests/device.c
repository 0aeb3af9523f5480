// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

int open_device(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

int call(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument);
}

struct isocl_query query(int fd, struct isocl_range *reserved, unsigned int room)
{
	struct isocl_query query = { .size = sizeof(query), .reserved = address_of(reserved),
				     .reserved_count = room };

	CHECK(!call(fd, ISOCL_IOC_QUERY, &query));
	return query;
}

struct isocl_statistics statistics(int fd, uint32_t scope)
{
	struct isocl_statistics statistics = { .size = sizeof(statistics), .scope = scope };

	CHECK(!call(fd, ISOCL_IOC_STATISTICS, &statistics));
	return statistics;
}

struct buffer create_aligned(int fd, size_t length, uint32_t flags, uint64_t alignment)
{
	struct isocl_buffer_create create = { .size = sizeof(create), .flags = flags,
					      .length = length, .alignment = alignment };

	CHECK(!call(fd, ISOCL_IOC_BUFFER_CREATE, &create));
	CHECK(create.handle);
	return (struct buffer){ create.handle, create.mmap_offset, length, MAP_FAILED };
}

struct buffer create(int fd, size_t length, uint32_t flags)
{
	return create_aligned(fd, length, flags, 0);
}

void *map_at(int fd, const struct buffer *buffer, void *address, int flags)
{
	return mmap(address, buffer->length, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd,
		    buffer->offset);
}

struct buffer create_and_map(int fd, size_t length, uint32_t flags)
{
	struct buffer buffer = create(fd, length, flags);

	buffer.at = map_at(fd, &buffer, NULL, 0);
	CHECK(buffer.at != MAP_FAILED);
	return buffer;
}

void unmap(struct buffer *buffer)
{
	CHECK(!munmap(buffer->at, buffer->length));
	buffer->at = MAP_FAILED;
}

int destroy(int fd, uint32_t handle)
{
	struct isocl_buffer_destroy destroy = { sizeof(destroy), handle };

	return call(fd, ISOCL_IOC_BUFFER_DESTROY, &destroy);
}

void unmap_and_destroy(int fd, struct buffer *buffer)
{
	unmap(buffer);
	CHECK(!destroy(fd, buffer->handle));
}

int info(int fd, uint32_t handle, uint64_t address, struct isocl_buffer_info *info)
{
	*info = (struct isocl_buffer_info){ .size = sizeof(*info), .handle = handle,
					    .address = address };
	return call(fd, ISOCL_IOC_BUFFER_INFO, info);
}

static int part(int fd, unsigned long command, uint32_t handle, uint64_t offset, uint64_t length)
{
	struct isocl_buffer_part part = { sizeof(part), handle, offset, length };

	return call(fd, command, &part);
}

int populate(int fd, uint32_t handle, uint64_t offset, uint64_t length)
{
	return part(fd, ISOCL_IOC_POPULATE, handle, offset, length);
}

int discard(int fd, uint32_t handle, uint64_t offset, uint64_t length)
{
	return part(fd, ISOCL_IOC_DISCARD, handle, offset, length);
}

int sync_part(int fd, uint32_t handle, uint64_t offset, uint64_t length, uint32_t direction)
{
	struct isocl_sync sync = { sizeof(sync), handle, offset, length, direction, 0 };

	return call(fd, ISOCL_IOC_SYNC, &sync);
}

int mirror(int fd, uint64_t start, uint64_t length, uint32_t flags, uint32_t *id)
{
	struct isocl_mirror mirror = { .size = sizeof(mirror), .flags = flags, .start = start,
				       .length = length };
	int result = call(fd, ISOCL_IOC_MIRROR, &mirror);

	if (!result && id)
		*id = mirror.id;
	return result;
}

int unmirror(int fd, uint32_t id)
{
	struct isocl_unmirror unmirror = { sizeof(unmirror), id };

	return call(fd, ISOCL_IOC_UNMIRROR, &unmirror);
}

int submit(int fd, const struct isocl_op *ops, unsigned int count, uint64_t *sequence)
{
	struct isocl_submit submit = { .size = sizeof(submit), .count = count,
				       .ops = address_of(ops), .op_size = sizeof(*ops) };
	int result = call(fd, ISOCL_IOC_SUBMIT, &submit);

	if (!result && sequence)
		*sequence = submit.sequence;
	return result;
}

int wait_for(int fd, uint64_t sequence, uint64_t deadline, int *status)
{
	struct isocl_wait wait = { .size = sizeof(wait), .sequence = sequence,
				   .deadline = deadline };
	int result = call(fd, ISOCL_IOC_WAIT, &wait);

	*status = wait.status;
	return result;
}

int run(int fd, struct isocl_op op)
{
	uint64_t sequence;
	int status;

	CHECK(!submit(fd, &op, 1, &sequence));
	CHECK(!wait_for(fd, sequence, ~0ULL, &status));
	return status;
}

int take_fault(int fd, struct isocl_fault *fault)
{
	*fault = (struct isocl_fault){ .size = sizeof(*fault) };
	return call(fd, ISOCL_IOC_FAULT, fault);
}

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

int device_fill(int fd, const void *at, size_t length, uint8_t byte)
{
	return run(fd, (struct isocl_op){ .opcode = ISOCL_OP_FILL, .destination = address_of(at),
					  .length = length, .data = address_of(&byte),
					  .data_length = 1 });
}

int device_copy(int fd, const void *to, const void *from, size_t length)
{
	return run(fd, (struct isocl_op){ .opcode = ISOCL_OP_COPY, .destination = address_of(to),
					  .source = address_of(from), .length = length });
}

int device_add(int fd, const void *at, uint64_t operand, uint64_t times)
{
	return run(fd, (struct isocl_op){ .opcode = ISOCL_OP_ATOMIC, .width = 8,
					  .function = ISOCL_ATOMIC_ADD, .length = times,
					  .destination = address_of(at), .operand = operand });
}

int device_read(int fd, const void *from, uint64_t *into)
{
	return device_copy(fd, into, from, sizeof(*into));
}
