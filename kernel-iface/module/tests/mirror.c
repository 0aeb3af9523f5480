// SPDX-License-Identifier: GPL-2.0-only
/* The device follows the process's own memory. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static void *anonymous(size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static uint64_t global = 40;

static void malloc_stack_and_globals_are_the_devices_too(void)
{
	uint64_t stack = 50, *heap = malloc(MIB);
	int fd = open_device();
	uint32_t id = 0;

	CHECK(heap && !mirror(fd, 0, 0, 0, &id) && id);
	heap[1000] = 60;
	CHECK(!device_add(fd, &heap[1000], 1, 5) && heap[1000] == 65);
	CHECK(!device_add(fd, &stack, 1, 5) && stack == 55);
	CHECK(!device_add(fd, &global, 1, 5) && global == 45);
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).mirrors == 1);
	CHECK(!unmirror(fd, id));
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).mirrors == 0);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
	CHECK(device_add(fd, &stack, 1, 5) == -EFAULT && stack == 55);
	CHECK_ERRNO(unmirror(fd, id), ENOENT);
}

static void ranges_are_checked(void)
{
	int fd = open_device();
	uint64_t start = address_of(anonymous(16 * PAGE));
	struct isocl_mirror odd = { .size = sizeof(odd), .start = start, .length = PAGE };
	uint32_t id;

	CHECK_ERRNO(mirror(fd, start + 1, PAGE, 0, NULL), EINVAL);
	CHECK_ERRNO(mirror(fd, start, PAGE - 1, 0, NULL), EINVAL);
	CHECK_ERRNO(mirror(fd, start, 0, 0, NULL), EINVAL);
	CHECK_ERRNO(mirror(fd, start, PAGE, 2, NULL), EINVAL);
	CHECK_ERRNO(mirror(fd, 1UL << 60, PAGE, 0, NULL), ERANGE);
	CHECK_ERRNO(mirror(fd, start, ~0ULL - PAGE + 1, 0, NULL), ERANGE);
	odd.pad = 1;
	CHECK_ERRNO(call(fd, ISOCL_IOC_MIRROR, &odd), EINVAL);
	CHECK(!mirror(fd, start + 4 * PAGE, 4 * PAGE, 0, &id));
	CHECK_ERRNO(mirror(fd, start + 7 * PAGE, PAGE, 0, NULL), EEXIST);
	CHECK_ERRNO(mirror(fd, start, 5 * PAGE, 0, NULL), EEXIST);
	CHECK_ERRNO(mirror(fd, 0, 0, 0, NULL), EEXIST);
	CHECK(!mirror(fd, start, 4 * PAGE, 0, NULL) && !mirror(fd, start + 8 * PAGE, PAGE, 0, NULL));
	/* Another file has mirrors of its own. */
	CHECK(!mirror(open_device(), start, 16 * PAGE, 0, NULL));
}

static void what_the_process_does_to_its_memory_reaches_the_device(void)
{
	int fd = open_device(), status;
	uint64_t *at = anonymous(4 * PAGE), *moved, *read_back;
	struct isocl_fault fault;
	struct buffer result = create_and_map(fd, PAGE, 0);
	pid_t child;

	CHECK(!mirror(fd, 0, 0, 0, NULL));
	read_back = (uint64_t *)result.at;
	at[0] = 1;
	CHECK(!device_read(fd, at, read_back) && *read_back == 1);
	/* Copy on write after a fork: the parent gets the new page. */
	child = fork();
	if (!child) {
		usleep(100000);
		_exit(at[0] == 1 ? 0 : 1);
	}
	at[0] = 2;
	CHECK(!device_read(fd, at, read_back) && *read_back == 2);
	CHECK(!device_add(fd, at + 512, 1, 3) && at[512] == 3);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	/* Given back: zero. */
	CHECK(!madvise(at, PAGE, MADV_DONTNEED));
	CHECK(!device_read(fd, at, read_back) && *read_back == 0);
	/* The device's own writes are not lost to a lazy free. */
	CHECK(!device_add(fd, at, 9, 1) && !madvise(at, PAGE, MADV_FREE));
	CHECK(!device_add(fd, at, 1, 1) && (at[0] == 10 || at[0] == 1));
	/* Protection. */
	CHECK(!mprotect(at, PAGE, PROT_READ));
	CHECK(device_add(fd, at, 1, 1) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_PROTECTION && fault.address == address_of(at));
	CHECK(!device_read(fd, at, read_back));
	CHECK(!mprotect(at, PAGE, PROT_NONE) && device_read(fd, at, read_back) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_PROTECTION);
	CHECK(!mprotect(at, PAGE, PROT_READ | PROT_WRITE) && !device_add(fd, at, 1, 1));
	/* Moved. */
	at[0] = 77;
	moved = mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, anonymous(PAGE));
	CHECK(moved != MAP_FAILED && !device_read(fd, moved, read_back) && *read_back == 77);
	CHECK(device_read(fd, at, read_back) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_UNMAPPED);
	/* Unmapped. */
	CHECK(!munmap(moved, PAGE) && device_read(fd, moved, read_back) == -EFAULT);
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).invalidations > 0);
}

static void files_are_mirrored(void)
{
	int fd = open_device(), file = memfd_create("mirrored", 0);
	uint64_t *shared, *copied, word;
	struct buffer result = create_and_map(fd, PAGE, 0);

	CHECK(file >= 0 && !ftruncate(file, 4 * PAGE) && !mirror(fd, 0, 0, 0, NULL));
	shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	copied = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	CHECK(shared != MAP_FAILED && copied != MAP_FAILED);
	CHECK(!device_add(fd, shared, 5, 1));
	CHECK(pread(file, &word, 8, 0) == 8 && word == 5);
	CHECK(!device_read(fd, copied, (uint64_t *)result.at) && *(uint64_t *)result.at == 5);
	CHECK(!device_add(fd, copied, 5, 1) && copied[0] == 10 && shared[0] == 5);
	/* Behind the end of a file is nothing. */
	CHECK(!ftruncate(file, PAGE) && device_add(fd, shared + 1024, 1, 1) == -EFAULT);
}

static void read_only_mirrors_refuse_writes(void)
{
	int fd = open_device();
	uint64_t *at = anonymous(PAGE);
	struct buffer result = create_and_map(fd, PAGE, 0);
	struct isocl_fault fault;

	CHECK(!mirror(fd, address_of(at), PAGE, ISOCL_MIRROR_READ_ONLY, NULL));
	at[0] = 3;
	CHECK(!device_read(fd, at, (uint64_t *)result.at) && *(uint64_t *)result.at == 3);
	CHECK(device_add(fd, at, 1, 1) == -EFAULT && at[0] == 3);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_PROTECTION);
}

static void buffers_inside_a_mirror_stay_buffers(void)
{
	int fd = open_device(), other = open_device();
	struct buffer buffer, foreign;
	uint64_t *heap = anonymous(PAGE), *words;

	CHECK(!mirror(fd, 0, 0, 0, NULL));
	buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_LAZY);
	words = (uint64_t *)buffer.at;
	CHECK(!device_add(fd, words, 1, 1) && words[0] == 1);
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).pages == 1);
	/* A walk from a buffer through other memory and back. */
	words[2] = address_of(heap);
	words[3] = 100;
	heap[0] = address_of(words + 512);
	heap[1] = 20;
	words[512] = 0;
	words[513] = 3;
	CHECK(!run(fd, (struct isocl_op){ .opcode = ISOCL_OP_CHASE, .source = address_of(words + 2),
					  .length = 10, .operand = 8,
					  .destination = address_of(words + 100) }));
	CHECK(words[100] == 123 && words[101] == 3);
	/* Another file's buffer is memory of the process like any other. */
	foreign = create_and_map(other, PAGE, 0);
	CHECK(!device_add(fd, foreign.at, 8, 1) && *(uint64_t *)foreign.at == 8);
	CHECK(!mprotect(buffer.at, 4 * PAGE, PROT_READ));
	CHECK(device_add(fd, words, 1, 1) == -EFAULT);
}

static volatile bool stop;

static void *churn(void *memory)
{
	while (!stop) {
		madvise(memory, 8 * PAGE, MADV_DONTNEED);
		mprotect(memory, 4 * PAGE, PROT_READ);
		mprotect(memory, 4 * PAGE, PROT_READ | PROT_WRITE);
		*(volatile uint64_t *)memory = 1;
	}
	return NULL;
}

static void invalidations_and_the_engine_do_not_disturb_each_other(void)
{
	int fd = open_device(), round;
	uint8_t *memory = anonymous(32 * PAGE);
	struct buffer buffer = create_and_map(fd, 16 * PAGE, 0);
	pthread_t threads[2];

	CHECK(!mirror(fd, 0, 0, 0, NULL));
	pthread_create(&threads[0], NULL, churn, memory);
	pthread_create(&threads[1], NULL, churn, memory + 8 * PAGE);
	for (round = 0; round < 60; round++) {
		/* Writes to the churned pages may fault when they are protected. */
		int status = device_copy(fd, memory, buffer.at, 16 * PAGE);

		CHECK(status == 0 || status == -EFAULT);
		CHECK(!device_copy(fd, buffer.at, memory, 16 * PAGE));
		CHECK(!device_fill(fd, memory + 16 * PAGE, 16 * PAGE, round));
		CHECK(memory[16 * PAGE] == round && memory[32 * PAGE - 1] == round);
	}
	stop = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

const struct group mirror_group = {
	"mirror", "address_bits=48", 60,
	TESTS(TEST(malloc_stack_and_globals_are_the_devices_too), TEST(ranges_are_checked),
	      TEST(what_the_process_does_to_its_memory_reaches_the_device), TEST(files_are_mirrored),
	      TEST(read_only_mirrors_refuse_writes), TEST(buffers_inside_a_mirror_stay_buffers),
	      TEST(invalidations_and_the_engine_do_not_disturb_each_other)),
};

/* ---- 40 address bits ----------------------------------------------------------------------- */

static void what_the_device_does_not_decode_is_not_mirrored(void)
{
	int fd = open_device();
	uint64_t stack = 0, page = address_of(&stack) & ~(PAGE - 1);
	struct isocl_fault fault;

	CHECK_ERRNO(mirror(fd, page, PAGE, 0, NULL), ERANGE);
	CHECK_ERRNO(mirror(fd, 0, 0, 0, NULL), ERANGE);
	CHECK_ERRNO(mirror(fd, (1UL << 40) - PAGE, 2 * PAGE, 0, NULL), ERANGE);
	CHECK(device_add(fd, &stack, 1, 1) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_ADDRESS_BITS && fault.address == address_of(&stack));
}

static void memory_below_the_limit_is(void)
{
	int fd = open_device();
	uint64_t *low = mmap((void *)(100 * GIB), 4 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	CHECK(low == (void *)(100 * GIB));
	CHECK(!mirror(fd, 64 * GIB, 128 * GIB, 0, NULL));
	CHECK(!device_add(fd, low, 7, 1) && low[0] == 7);
	CHECK(!munmap(low, 4 * PAGE) && device_add(fd, low, 7, 1) == -EFAULT);
}

const struct group narrow_mirror_group = {
	"narrow_mirror", "", 20,
	TESTS(TEST(what_the_device_does_not_decode_is_not_mirrored),
	      TEST(memory_below_the_limit_is)),
};
