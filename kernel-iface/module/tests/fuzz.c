// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls from several threads on files that they share and files of their own. The variables
 * ISOCL_FUZZ_CALLS and ISOCL_FUZZ_SEED choose how many and which; the seed is printed.
 */
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"
#include "fuzz.h"

#define THREADS 3

static struct file shared[SHARED_FILES];
static struct fuzzer fuzzers[THREADS];

static const char *const names[CALLS] = {
	"QUERY", "BUFFER_CREATE", "BUFFER_DESTROY", "BUFFER_INFO", "POPULATE", "DISCARD", "SYNC",
	"MIRROR", "UNMIRROR", "SUBMIT", "WAIT", "FAULT", "STATISTICS",
};

/* How often which call is chosen. */
static const uint8_t weights[CALLS] = { 3, 9, 7, 8, 9, 9, 9, 5, 5, 16, 14, 3, 3 };

static unsigned int choose_call(struct fuzzer *fuzzer)
{
	uint64_t left = below(fuzzer, 100);
	unsigned int number = 0;

	while (left >= weights[number])
		left -= weights[number++];
	return number;
}

/* Closes the thread's own file under its buffers and mirrors, and opens it anew. */
static void reopen(struct fuzzer *fuzzer)
{
	struct file *own = fuzzer->files[SHARED_FILES];
	bool unmaps_first = one_in(fuzzer, 2);
	unsigned int i;

	if (!unmaps_first)
		close(own->fd);
	for (i = 0; i < KNOWN_BUFFERS; i++) {
		if (fuzzer->buffers[i].file != own)
			continue;
		forget_mapping(&fuzzer->buffers[i]);
		fuzzer->buffers[i].file = NULL;
	}
	for (i = 0; i < KNOWN_MIRRORS; i++)
		if (fuzzer->mirrors[i].file == own)
			fuzzer->mirrors[i].id = 0;
	if (unmaps_first)
		close(own->fd);
	own->fd = open_device();
	own->latest = 0;
	own->cursor = 1;
}

/* One call; its arguments may be where the driver can read but not write, or nowhere. */
static void make_call(struct fuzzer *fuzzer)
{
	unsigned int number = choose_call(fuzzer);
	struct file *file = choose_arguments(fuzzer, number);
	struct iovec local = { fuzzer->arguments, 256 }, desk = { fuzzer->desk.at + PAGE - 16, 256 };
	void *pointer = fuzzer->arguments;
	int status;

	switch (below(fuzzer, 64)) {
	case 0:
		pointer = (void *)wild(fuzzer);
		break;
	case 1:
		pointer = fuzzer->read_only;
		break;
	case 2:
	case 3:
		/* In memory of the driver itself, across a page that may have to be brought in. */
		if (process_vm_writev(getpid(), &local, 1, &desk, 1, 0) == 256)
			pointer = desk.iov_base;
		break;
	}
	fuzzer->tried[number]++;
	if (call(file->fd, _IO(ISOCL_IOC_TYPE, number), pointer)) {
		/* A failure that is never told would count as pending for ever. */
		if (number == 0x0A)
			wait_for(file->fd, fuzzer->awaited, 0, &status);
		return;
	}
	fuzzer->worked[number]++;
	/* What was answered there may be gone: others may discard any buffer. */
	if (pointer == desk.iov_base &&
	    process_vm_readv(getpid(), &local, 1, &desk, 1, 0) != 256)
		return;
	learn(fuzzer, file, number);
}

static void *fuzz(void *argument)
{
	struct fuzzer *fuzzer = argument;
	uint64_t round;

	for (round = 0; round < fuzzer->calls; round++) {
		if (one_in(fuzzer, 6))
			disturb_memory(fuzzer);
		if (one_in(fuzzer, 3000))
			reopen(fuzzer);
		if (one_in(fuzzer, 2000))
			call(shared[0].fd, (unsigned int)wild(fuzzer) | 1U << 31, fuzzer->arguments);
		if (one_in(fuzzer, 100))
			discard(shared[0].fd, fuzzer->desk.handle, 0, 2 * PAGE);
		make_call(fuzzer);
	}
	return NULL;
}

static void prepare(struct fuzzer *fuzzer, unsigned int number, uint64_t seed, uint64_t calls)
{
	void *place = (void *)((600 + number) * GIB);
	int memory = memfd_create("arguments", 0);
	struct file *own = calloc(1, sizeof(*own));
	unsigned int i;

	*fuzzer = (struct fuzzer){ .state = (seed + number) * 0x9E3779B97F4A7C15 | 1, .calls = calls };
	for (i = 0; i < SHARED_FILES; i++)
		fuzzer->files[i] = &shared[i];
	own->fd = open_device();
	own->cursor = 1;
	fuzzer->files[SHARED_FILES] = own;
	for (i = 0; i < KNOWN_BUFFERS; i++)
		fuzzer->buffers[i].buffer.at = MAP_FAILED;
	fuzzer->scratch = mmap(place, SCRATCH_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(fuzzer->scratch == place && memory >= 0 && !ftruncate(memory, 2 * PAGE));
	fuzzer->arguments = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	fuzzer->read_only = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, memory, 0);
	CHECK(fuzzer->arguments != MAP_FAILED && fuzzer->read_only != MAP_FAILED);
	fuzzer->desk = create_and_map(shared[0].fd, 2 * PAGE, ISOCL_BUFFER_LAZY);
}

/* Submissions made so far end, and the device still works. */
static void check_file(struct file *file)
{
	struct buffer buffer = create_and_map(file->fd, PAGE, 0);
	struct isocl_op op = { .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = 1, .operand = 3,
			       .destination = address_of(buffer.at) };
	uint64_t sequence = 0, told;
	int status;

	while (submit(file->fd, &op, 1, &sequence)) {
		CHECK(errno == EAGAIN);
		for (told = file->latest > 4000 ? file->latest - 4000 : 1; told <= file->latest; told++)
			CHECK(!wait_for(file->fd, told, ~0ULL, &status));
	}
	CHECK(!wait_for(file->fd, sequence, now() + 10000000000, &status) && status == 0);
	CHECK(*(uint64_t *)buffer.at == 3);
	unmap(&buffer);
}

/* Without the end of the process: when mappings and files are gone, so is everything else. */
static void check_nothing_is_left(void)
{
	struct isocl_statistics left;
	unsigned int i, k;
	int fd;

	for (i = 0; i < THREADS; i++) {
		for (k = 0; k < KNOWN_BUFFERS; k++)
			forget_mapping(&fuzzers[i].buffers[k]);
		unmap(&fuzzers[i].desk);
		close(fuzzers[i].files[SHARED_FILES]->fd);
	}
	for (i = 0; i < SHARED_FILES; i++)
		close(shared[i].fd);
	fd = open_device();
	left = statistics(fd, ISOCL_SCOPE_DEVICE);
	CHECK(left.files == 1 && !left.buffers && !left.pages && !left.device_entries);
	CHECK(!left.mirrors && !left.submissions);
	printf("    %llu pages brought in by the CPU, %llu by the device, %llu fault records, %llu invalidations\n",
	       left.cpu_faults, left.device_faults, left.fault_records, left.invalidations);
}

static void random_calls_find_nothing(void)
{
	uint64_t seed = setting("ISOCL_FUZZ_SEED", now());
	uint64_t calls = setting("ISOCL_FUZZ_CALLS", 100000), all_tried = 0, all_worked = 0;
	pthread_t threads[THREADS];
	unsigned int i, number;

	printf("    seed %#llx, %llu calls\n", (unsigned long long)seed, (unsigned long long)calls);
	fflush(stdout);
	for (i = 0; i < SHARED_FILES; i++) {
		shared[i].fd = open_device();
		shared[i].cursor = 1;
	}
	for (i = 0; i < THREADS; i++)
		prepare(&fuzzers[i], i, seed, calls / THREADS + 1);
	for (i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&threads[i], NULL, fuzz, &fuzzers[i]));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);

	for (number = 0; number < CALLS; number++) {
		uint64_t tried = 0, worked = 0;

		for (i = 0; i < THREADS; i++) {
			tried += fuzzers[i].tried[number];
			worked += fuzzers[i].worked[number];
		}
		printf("    %-14s %7llu of %7llu worked\n", names[number],
		       (unsigned long long)worked, (unsigned long long)tried);
		CHECK(worked * 10 > tried);
		all_tried += tried;
		all_worked += worked;
	}
	CHECK(all_tried >= calls && all_worked * 2 > all_tried);
	CHECK(fuzzers[0].mapped > fuzzers[0].calls / 1000);
	for (i = 0; i < SHARED_FILES; i++)
		check_file(&shared[i]);
	check_nothing_is_left();
}

const struct group fuzz_group = {
	"fuzz", "memory_limit=67108864 reserved=c000000000-c100000000", 600,
	TESTS(TEST(random_calls_find_nothing)),
};
