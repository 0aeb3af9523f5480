// SPDX-License-Identifier: GPL-2.0-only
/* The life of buffers, and what a process may do to their mappings. */
#include <fcntl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static void creation_checks_its_arguments(void)
{
	static const struct isocl_buffer_create wrong[] = {
		{ .length = 0 },
		{ .length = PAGE + 1 },
		{ .length = 1ULL << 50 },
		{ .length = ~0ULL - PAGE + 1 },
		{ .length = PAGE, .flags = 4 },
		{ .length = PAGE, .flags = ISOCL_BUFFER_LAZY | ISOCL_BUFFER_OWNERSHIP },
		{ .length = PAGE, .alignment = 3 * PAGE },
		{ .length = PAGE, .alignment = 1ULL << 50 },
		{ .length = PAGE, .pad = 1 },
	};
	int fd = open_device();
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct isocl_buffer_create create = wrong[i];

		create.size = sizeof(create);
		CHECK_ERRNO(call(fd, ISOCL_IOC_BUFFER_CREATE, &create), EINVAL);
	}
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).buffers);
}

static void handles_die_with_their_buffers(void)
{
	struct isocl_buffer_info answer;
	int fd = open_device(), other = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);

	CHECK_ERRNO(destroy(fd, buffer.handle), EBUSY);
	CHECK_ERRNO(destroy(other, buffer.handle), ENOENT);
	CHECK_ERRNO(destroy(fd, 0), ENOENT);
	CHECK_ERRNO(destroy(fd, ~0U), ENOENT);
	CHECK(!info(fd, buffer.handle, 0, &answer));
	CHECK(answer.address == address_of(buffer.at) && answer.length == 4 * PAGE);
	CHECK(answer.pages == 4 && answer.flags == 0);
	CHECK(!info(fd, 0, address_of(buffer.at) + 3 * PAGE + 5, &answer));
	CHECK(answer.handle == buffer.handle && answer.address == address_of(buffer.at));
	CHECK_ERRNO(info(fd, 0, address_of(buffer.at) + 4 * PAGE, &answer), ENOENT);
	CHECK_ERRNO(info(fd, 0, address_of(&buffer), &answer), ENOENT);
	CHECK_ERRNO(info(other, 0, address_of(buffer.at), &answer), ENOENT);
	unmap(&buffer);
	CHECK(!info(fd, buffer.handle, 0, &answer) && answer.address == 0 && answer.pages == 4);
	CHECK(!destroy(fd, buffer.handle));
	CHECK_ERRNO(destroy(fd, buffer.handle), ENOENT);
	CHECK_ERRNO(info(fd, buffer.handle, 0, &answer), ENOENT);
	CHECK_ERRNO(map_at(fd, &buffer, NULL, 0), EINVAL);
}

static void pages_come_with_the_mapping_or_with_touching(void)
{
	int fd = open_device();
	struct buffer full = create_and_map(fd, 16 * PAGE, 0);
	struct isocl_statistics count = statistics(fd, ISOCL_SCOPE_FILE);
	struct buffer lazy = create_and_map(fd, GIB, ISOCL_BUFFER_LAZY);

	CHECK(count.pages == 16 && count.device_entries == 16);
	full.at[5 * PAGE] = 1;
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.pages == 16 && count.cpu_faults == 0);
	lazy.at[500 * MIB] = 1;
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.pages == 17 && count.cpu_faults == 1 && count.device_entries == 16);
	CHECK(!device_fill(fd, lazy.at + 500 * MIB + 10, PAGE, 7));
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.pages == 18 && count.device_faults == 2 && count.device_entries == 18);
	CHECK(lazy.at[500 * MIB] == 1 && lazy.at[500 * MIB + 10] == 7);
	CHECK(lazy.at[500 * MIB + PAGE + 9] == 7 && lazy.at[500 * MIB + PAGE + 10] == 0);
}

static void new_memory_is_zero_and_nobody_elses(void)
{
	int fd = open_device();
	unsigned int round;
	size_t i;

	for (round = 0; round < 5; round++) {
		struct buffer buffer = create_and_map(fd, 256 * PAGE, round % 2);

		for (i = 0; i < 256 * PAGE; i += 8)
			CHECK(*(uint64_t *)(buffer.at + i) == 0);
		memset(buffer.at, 0xA5, 256 * PAGE);
		unmap_and_destroy(fd, &buffer);
	}
}

static void contents_outlive_the_mapping(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_LAZY);

	buffer.at[2 * PAGE] = 42;
	unmap(&buffer);
	buffer.at = map_at(fd, &buffer, NULL, 0);
	CHECK(buffer.at != MAP_FAILED && buffer.at[2 * PAGE] == 42 && buffer.at[0] == 0);
}

static void populating_and_discarding(void)
{
	int fd = open_device();
	struct buffer lazy = create(fd, 64 * PAGE, ISOCL_BUFFER_LAZY), full;
	struct isocl_statistics count;
	uint64_t faults;

	CHECK_ERRNO(populate(fd, lazy.handle, 0, PAGE), EINVAL);
	lazy.at = map_at(fd, &lazy, NULL, 0);
	full = create_and_map(fd, 4 * PAGE, 0);
	CHECK_ERRNO(populate(fd, full.handle, 0, PAGE), EINVAL);
	CHECK_ERRNO(discard(fd, full.handle, 0, PAGE), EINVAL);
	CHECK_ERRNO(populate(fd, lazy.handle, 64 * PAGE, PAGE), EINVAL);
	CHECK_ERRNO(populate(fd, lazy.handle, 0, 65 * PAGE), EINVAL);
	CHECK_ERRNO(populate(fd, lazy.handle, PAGE, ~0ULL - PAGE + 1), EINVAL);
	CHECK_ERRNO(populate(fd, lazy.handle, 1, PAGE), EINVAL);
	CHECK_ERRNO(discard(fd, lazy.handle, 0, 0), EINVAL);
	CHECK_ERRNO(discard(fd, 999, 0, PAGE), ENOENT);
	unmap_and_destroy(fd, &full);

	CHECK(!populate(fd, lazy.handle, 8 * PAGE, 16 * PAGE));
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.pages == 16 && count.device_entries == 16);
	faults = count.cpu_faults;
	memset(lazy.at + 8 * PAGE, 3, 16 * PAGE);
	CHECK(!device_fill(fd, lazy.at + 8 * PAGE, 8, 4));
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.cpu_faults == faults && count.device_faults == 0);
	CHECK(!discard(fd, lazy.handle, 10 * PAGE, 4 * PAGE));
	count = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(count.pages == 12 && count.device_entries == 12);
	CHECK(lazy.at[9 * PAGE] == 3 && lazy.at[10 * PAGE] == 0 && lazy.at[14 * PAGE] == 3);
	/* What is discarded may be discarded again, and used again. */
	CHECK(!discard(fd, lazy.handle, 0, 64 * PAGE));
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).pages == 0);
	CHECK(!device_fill(fd, lazy.at, 64 * PAGE, 6) && lazy.at[63 * PAGE] == 6);
}

static void the_device_follows_protection(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);
	struct buffer target = create_and_map(fd, PAGE, 0), read_only = create(fd, PAGE, 0);
	struct isocl_fault fault;

	CHECK(!mprotect(buffer.at, 4 * PAGE, PROT_READ));
	CHECK(device_fill(fd, buffer.at + 5, 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_PROTECTION && fault.access == ISOCL_ACCESS_WRITE);
	CHECK(fault.address == address_of(buffer.at) + 5);
	CHECK(!device_copy(fd, target.at, buffer.at, 8));
	CHECK(!mprotect(buffer.at, 4 * PAGE, PROT_NONE));
	CHECK(device_copy(fd, target.at, buffer.at, 8) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.access == ISOCL_ACCESS_READ);
	CHECK(!mprotect(buffer.at, 4 * PAGE, PROT_READ | PROT_WRITE));
	CHECK(!device_fill(fd, buffer.at, 8, 1) && buffer.at[7] == 1);
	CHECK_ERRNO(mprotect(buffer.at, PAGE, PROT_READ), EINVAL);
	CHECK_ERRNO(mprotect(buffer.at + PAGE, 3 * PAGE, PROT_READ), EINVAL);
	read_only.at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, read_only.offset);
	CHECK(read_only.at != MAP_FAILED);
	CHECK(device_fill(fd, read_only.at, 8, 1) == -EFAULT);
	CHECK(!device_copy(fd, target.at, read_only.at, 8));
}

static void a_part_has_no_life_of_its_own(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 8 * PAGE, 0);
	void *middle = buffer.at + 2 * PAGE;

	CHECK_ERRNO(munmap(middle, PAGE), EINVAL);
	CHECK_ERRNO(munmap(buffer.at, PAGE), EINVAL);
	CHECK_ERRNO(munmap(buffer.at + 7 * PAGE, PAGE), EINVAL);
	/* The core hides the reason here, but refuses as well. */
	CHECK(mmap(middle, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      MAP_FAILED);
	CHECK(!device_fill(fd, buffer.at, 8 * PAGE, 1) && buffer.at[8 * PAGE - 1] == 1);
	CHECK(mmap(buffer.at, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == buffer.at);
	/* The process has put something else in its place: the buffer lost its address. */
	CHECK(device_fill(fd, buffer.at, 8, 1) == -EFAULT);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
	CHECK(!destroy(fd, buffer.handle));
}

static void buffers_do_not_move_or_grow(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);
	struct isocl_query device = query(fd, NULL, 0);
	void *outside = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *inside = (void *)(device.aperture_start + 77 * GIB);

	buffer.at[0] = 9;
	CHECK(mremap(buffer.at, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK(mremap(buffer.at, 4 * PAGE, 2 * PAGE, 0) == MAP_FAILED);
	CHECK(mremap(buffer.at, 0, 4 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK(mremap(buffer.at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, outside) ==
	      MAP_FAILED);
	CHECK(mremap(buffer.at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, inside) ==
	      MAP_FAILED);
	CHECK(buffer.at[0] == 9 && !device_fill(fd, buffer.at, 8, 7) && buffer.at[0] == 7);
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).device_entries == 4);
	unmap_and_destroy(fd, &buffer);
}

static void advice_does_not_part_cpu_and_device(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);

	buffer.at[0] = 5;
	CHECK(!madvise(buffer.at, 4 * PAGE, MADV_DONTNEED));
	/* The page is the buffer's, whatever the CPU forgets about it. */
	CHECK(buffer.at[0] == 5 && !device_fill(fd, buffer.at, 8, 6) && buffer.at[0] == 6);
	madvise(buffer.at, 4 * PAGE, MADV_COLD);
	madvise(buffer.at, 4 * PAGE, MADV_PAGEOUT);
	madvise(buffer.at, 4 * PAGE, MADV_HUGEPAGE);
	madvise(buffer.at, 4 * PAGE, MADV_MERGEABLE);
	CHECK(madvise(buffer.at, 4 * PAGE, MADV_REMOVE) == -1);
	CHECK(!mlock(buffer.at, 4 * PAGE) && !munlock(buffer.at, 4 * PAGE));
	CHECK(!device_fill(fd, buffer.at, 4 * PAGE, 8) && buffer.at[4 * PAGE - 1] == 8);
}

static void the_system_reads_and_writes_buffers(void)
{
	int fd = open_device(), pipes[2];
	struct buffer buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_LAZY);
	char bytes[6] = { 0 };
	struct iovec remote = { buffer.at, 6 }, local = { bytes, 6 };
	struct iovec whole = { buffer.at + PAGE, PAGE };

	CHECK(!pipe(pipes) && write(pipes[1], "hello", 6) == 6);
	CHECK(read(pipes[0], buffer.at, 6) == 6 && !strcmp((char *)buffer.at, "hello"));
	CHECK(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 6);
	CHECK(!strcmp(bytes, "hello"));
	buffer.at[PAGE] = 'x';
	CHECK(vmsplice(pipes[1], &whole, 1, 0) == (ssize_t)PAGE);
	CHECK(read(pipes[0], bytes, 1) == 1 && bytes[0] == 'x');
}

/* A child that is made to inherit a buffer reads it, and keeps nobody from unmapping it. */
static void an_inherited_mapping_gives_the_device_nothing(void)
{
	int fd = open_device(), go[2], status;
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);
	void *old = buffer.at;
	char byte;
	pid_t child;

	CHECK(!pipe(go));
	buffer.at[0] = 11;
	CHECK(!madvise(buffer.at, 4 * PAGE, MADV_DOFORK));
	child = fork();
	if (!child) {
		(void)!read(go[0], &byte, 1);
		_exit(buffer.at[0] == 12 ? 0 : 1);
	}
	buffer.at[0] = 12;
	unmap(&buffer);
	CHECK(device_fill(fd, old, 8, 1) == -EFAULT);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
	CHECK(!destroy(fd, buffer.handle));
	CHECK(write(go[1], "x", 1) == 1);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Addresses are all that a buffer which nobody touches costs. */
static void buffers_may_be_larger_than_all_memory(void)
{
	int fd = open_device();
	struct isocl_query device = query(fd, NULL, 0);
	struct buffer largest = create(fd, device.max_buffer_length, ISOCL_BUFFER_LAZY);
	struct buffer large = create_and_map(fd, 512 * GIB, ISOCL_BUFFER_LAZY);
	struct isocl_buffer_create more = { .size = sizeof(more), .flags = ISOCL_BUFFER_LAZY,
					    .length = device.max_buffer_length + PAGE };

	CHECK_ERRNO(call(fd, ISOCL_IOC_BUFFER_CREATE, &more), EINVAL);
	CHECK_ERRNO(map_at(fd, &largest, NULL, 0), ENOMEM);
	large.at[large.length - 1] = 5;
	CHECK(!device_copy(fd, large.at, large.at + large.length - 1, 1) && large.at[0] == 5);
	CHECK(!discard(fd, large.handle, 0, large.length));
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).pages && large.at[0] == 0);
	unmap(&large);
}

/* Shared mappings are for those who may write to the node. */
static void a_file_for_reading_maps_nothing(void)
{
	int fd = open(NODE, O_RDONLY);
	struct buffer buffer = create(fd, PAGE, 0);

	CHECK_ERRNO(map_at(fd, &buffer, NULL, 0), EACCES);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, buffer.offset), EINVAL);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
}

/* The mapping keeps what it needs of a closed file. */
static void a_mapping_outlives_its_file(void)
{
	int fd = open_device(), other = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_LAZY);

	close(fd);
	buffer.at[3 * PAGE] = 7;
	CHECK(buffer.at[3 * PAGE] == 7 && buffer.at[0] == 0);
	CHECK(statistics(other, ISOCL_SCOPE_DEVICE).buffers == 1);
	unmap(&buffer);
	CHECK(statistics(other, ISOCL_SCOPE_DEVICE).files == 1);
	CHECK(statistics(other, ISOCL_SCOPE_DEVICE).pages == 0);
}

static void thousands_of_buffers_exist_at_once(void)
{
	int fd = open_device();
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);

		*(uint32_t *)buffer.at = i;
	}
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).buffers == 5000);
	/* All of them go with the file. */
}

const struct group buffer_group = {
	"buffer", "", 40,
	TESTS(TEST(creation_checks_its_arguments), TEST(handles_die_with_their_buffers),
	      TEST(pages_come_with_the_mapping_or_with_touching),
	      TEST(new_memory_is_zero_and_nobody_elses), TEST(contents_outlive_the_mapping),
	      TEST(populating_and_discarding), TEST(the_device_follows_protection),
	      TEST(a_part_has_no_life_of_its_own), TEST(buffers_do_not_move_or_grow),
	      TEST(advice_does_not_part_cpu_and_device), TEST(the_system_reads_and_writes_buffers),
	      TEST(an_inherited_mapping_gives_the_device_nothing),
	      TEST(buffers_may_be_larger_than_all_memory), TEST(a_file_for_reading_maps_nothing),
	      TEST(a_mapping_outlives_its_file),
	      TEST(thousands_of_buffers_exist_at_once)),
};

/* ---- a memory limit of 1 MiB --------------------------------------------------------------- */

static void memory_beyond_the_limit_is_refused(void)
{
	int fd = open_device(), status;
	struct buffer too_much = create(fd, 2 * MIB, 0), lazy, half;
	struct isocl_fault fault;
	pid_t child;

	CHECK(query(fd, NULL, 0).memory_limit == MIB);
	CHECK_ERRNO(map_at(fd, &too_much, NULL, 0), ENOMEM);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
	CHECK(!destroy(fd, too_much.handle));
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).pages);

	half = create_and_map(fd, MIB / 2, 0);
	lazy = create_and_map(fd, 4 * MIB, ISOCL_BUFFER_LAZY);
	CHECK_ERRNO(populate(fd, lazy.handle, 0, MIB), ENOMEM);
	CHECK(device_fill(fd, lazy.at, 2 * MIB, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_NO_MEMORY);
	unmap_and_destroy(fd, &half);
	CHECK(!device_fill(fd, lazy.at, MIB, 1));
	unmap_and_destroy(fd, &lazy);

	/* The CPU is told by a signal. */
	child = fork();
	if (!child) {
		struct buffer mine;

		fd = open_device();
		mine = create_and_map(fd, 4 * MIB, ISOCL_BUFFER_LAZY);
		memset(mine.at, 1, 4 * MIB);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

const struct group limit_group = {
	"limit", "memory_limit=1048576", 20,
	TESTS(TEST(memory_beyond_the_limit_is_refused)),
};

/* ---- all handles --------------------------------------------------------------------------- */

static void handles_run_out_and_come_back(void)
{
	int fd = open_device();
	struct isocl_buffer_create create;
	unsigned int count = 0;

	do
		create = (struct isocl_buffer_create){ .size = sizeof(create), .length = PAGE,
						       .flags = ISOCL_BUFFER_LAZY };
	while (!call(fd, ISOCL_IOC_BUFFER_CREATE, &create) && ++count);
	CHECK(errno == ENOSPC && count == (1 << 20) - 1);
	CHECK(!destroy(fd, 4711) && !call(fd, ISOCL_IOC_BUFFER_CREATE, &create));
	CHECK(create.handle == 4711);
}

/* A group of its own: a million objects take half a minute when the kernel debugs its allocator. */
const struct group handles_group = {
	"handles", "", 120,
	TESTS(TEST(handles_run_out_and_come_back)),
};
