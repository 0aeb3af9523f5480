// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls with arguments that are often nearly right. ISOCL_FUZZ_CALLS and ISOCL_FUZZ_SEED
 * choose how many and which; the seed is printed.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

#define THREADS 2
#define FILES 3
#define BUFFERS 24
#define CALLS 13

struct fuzzer {
	uint64_t state, calls;
	int *files;
	/* What is known to exist, without a lock: stale knowledge is part of the game. */
	struct buffer buffers[BUFFERS];
	uint32_t mirrors[4];
	uint64_t sequence;
	uint64_t tried[CALLS], worked[CALLS], mapped;
};

static uint64_t random_of(struct fuzzer *fuzzer)
{
	fuzzer->state ^= fuzzer->state << 13;
	fuzzer->state ^= fuzzer->state >> 7;
	fuzzer->state ^= fuzzer->state << 17;
	return fuzzer->state;
}

static uint64_t below(struct fuzzer *fuzzer, uint64_t limit)
{
	return random_of(fuzzer) % limit;
}

static bool rarely(struct fuzzer *fuzzer)
{
	return below(fuzzer, 16) == 0;
}

/* Numbers at the edges of everything. */
static uint64_t wild(struct fuzzer *fuzzer)
{
	static const uint64_t edges[] = { 0, 1, 7, 8, PAGE - 1, PAGE, PAGE + 1, 1ULL << 31,
					  1ULL << 32, 1ULL << 39, 1ULL << 40, 1ULL << 43,
					  1ULL << 47, 1ULL << 63, ~0ULL, ~0ULL - PAGE + 1 };

	if (below(fuzzer, 3) == 0)
		return random_of(fuzzer) >> below(fuzzer, 64);
	return edges[below(fuzzer, sizeof(edges) / sizeof(edges[0]))] + below(fuzzer, 3) - 1;
}

static struct buffer *any_buffer(struct fuzzer *fuzzer)
{
	return &fuzzer->buffers[below(fuzzer, BUFFERS)];
}

static uint64_t any_address(struct fuzzer *fuzzer)
{
	struct buffer *buffer = any_buffer(fuzzer);

	if (rarely(fuzzer) || buffer->at == MAP_FAILED || !buffer->at)
		return wild(fuzzer);
	return address_of(buffer->at) + below(fuzzer, buffer->length + 64);
}

static uint64_t any_length(struct fuzzer *fuzzer)
{
	return rarely(fuzzer) ? wild(fuzzer) : below(fuzzer, 3 * PAGE);
}

static uint64_t any_pages(struct fuzzer *fuzzer)
{
	return rarely(fuzzer) ? wild(fuzzer) : (1 + below(fuzzer, 8)) * PAGE;
}

static struct isocl_op any_op(struct fuzzer *fuzzer)
{
	static const uint8_t data[ISOCL_MAX_DATA];
	struct isocl_op op = { .opcode = below(fuzzer, 7), .length = any_length(fuzzer) };

	switch (op.opcode) {
	case ISOCL_OP_FILL:
		op.destination = any_address(fuzzer);
		op.data = rarely(fuzzer) ? wild(fuzzer) : address_of(data);
		op.data_length = below(fuzzer, 140);
		break;
	case ISOCL_OP_ATOMIC:
		op.destination = any_address(fuzzer) & (rarely(fuzzer) ? ~0ULL : ~7ULL);
		op.source = below(fuzzer, 2) ? 0 : any_address(fuzzer) & ~7ULL;
		op.function = below(fuzzer, 10);
		op.width = below(fuzzer, 4) ? 4ULL << below(fuzzer, 2) : below(fuzzer, 20);
		op.operand = wild(fuzzer);
		op.compare = op.function == ISOCL_ATOMIC_COMPARE_EXCHANGE ? wild(fuzzer) : 0;
		op.length = below(fuzzer, 300);
		break;
	case ISOCL_OP_CHASE:
		op.operand = below(fuzzer, 4) * 8;
		op.compare = below(fuzzer, 4) * 8;
		op.length = below(fuzzer, 300);
		/* fall through */
	case ISOCL_OP_COPY:
	case ISOCL_OP_CHECKSUM:
		op.destination = any_address(fuzzer) & ~7ULL;
		op.source = any_address(fuzzer) & ~7ULL;
		break;
	case ISOCL_OP_DELAY:
		op.length = rarely(fuzzer) ? wild(fuzzer) : below(fuzzer, 2000);
		if (op.length > 2000 && op.length <= ISOCL_MAX_DELAY)
			op.length = 2000;
		break;
	}
	if (rarely(fuzzer))
		((uint64_t *)&op)[below(fuzzer, sizeof(op) / 8)] = wild(fuzzer);
	/* What runs for ever would only make the rest wait. */
	if (op.opcode == ISOCL_OP_DELAY && op.length > 2000)
		op.length = ~0ULL;
	if ((op.opcode == ISOCL_OP_ATOMIC || op.opcode == ISOCL_OP_CHASE) && op.length > 300)
		op.length = 300;
	return op;
}

static void map_or_unmap(struct fuzzer *fuzzer, int fd)
{
	struct buffer *buffer = any_buffer(fuzzer);
	int flags = MAP_SHARED;
	void *hint = NULL;

	if (buffer->at != MAP_FAILED && buffer->at && below(fuzzer, 3) == 0) {
		switch (below(fuzzer, 8)) {
		case 0:
			munmap(buffer->at, PAGE);
			return;
		case 1:
			mprotect(buffer->at, buffer->length, below(fuzzer, 4));
			return;
		case 2:
			madvise(buffer->at, buffer->length,
				below(fuzzer, 2) ? MADV_DONTNEED : below(fuzzer, 26));
			return;
		case 3:
			mremap(buffer->at, buffer->length, any_pages(fuzzer) & 0xFFFFFF,
			       below(fuzzer, 2) ? MREMAP_MAYMOVE : 0);
			return;
		case 4:
			msync(buffer->at, buffer->length, MS_SYNC);
			return;
		default:
			munmap(buffer->at, buffer->length);
			buffer->at = MAP_FAILED;
			return;
		}
	}
	if (rarely(fuzzer))
		flags = below(fuzzer, 2) ? MAP_PRIVATE : MAP_SHARED | MAP_POPULATE;
	if (rarely(fuzzer)) {
		hint = (void *)(any_address(fuzzer) & ~(PAGE - 1));
		/* A fixed address may only hit what is the fuzzer's own. */
		if (address_of(hint) < 1UL << 40 && address_of(hint) > 4 * GIB)
			flags |= below(fuzzer, 2) ? MAP_FIXED_NOREPLACE : 0;
	}
	void *at = mmap(hint, rarely(fuzzer) ? any_pages(fuzzer) : buffer->length,
			below(fuzzer, 4) ? PROT_READ | PROT_WRITE : below(fuzzer, 4), flags, fd,
			rarely(fuzzer) ? wild(fuzzer) & ~(PAGE - 1) : buffer->offset);

	if (at != MAP_FAILED) {
		fuzzer->mapped++;
		if (buffer->at == MAP_FAILED || !buffer->at)
			buffer->at = at;
	}
}

/* Puts arguments for the call into space, which begins with the size. */
static void choose_arguments(struct fuzzer *fuzzer, unsigned int number, uint64_t *space)
{
	static struct isocl_op ops[THREADS][4];
	struct buffer *buffer = any_buffer(fuzzer);
	unsigned int i, count;

	memset(space, 0, 256);
	switch (number) {
	case 0x00:
		*(struct isocl_query *)space = (struct isocl_query){
			.size = sizeof(struct isocl_query),
			.reserved = rarely(fuzzer) ? wild(fuzzer) : address_of(space + 16),
			.reserved_count = below(fuzzer, 4),
		};
		break;
	case 0x01:
		*(struct isocl_buffer_create *)space = (struct isocl_buffer_create){
			.size = sizeof(struct isocl_buffer_create),
			.flags = below(fuzzer, rarely(fuzzer) ? 16 : 3),
			.length = any_pages(fuzzer),
			.alignment = rarely(fuzzer) ? wild(fuzzer) : 0,
		};
		break;
	case 0x02:
	case 0x08:
		*(struct isocl_buffer_destroy *)space = (struct isocl_buffer_destroy){
			.size = sizeof(struct isocl_buffer_destroy),
			.handle = number == 2 ? buffer->handle : fuzzer->mirrors[below(fuzzer, 4)],
		};
		break;
	case 0x03:
		*(struct isocl_buffer_info *)space = (struct isocl_buffer_info){
			.size = sizeof(struct isocl_buffer_info),
			.handle = below(fuzzer, 2) ? buffer->handle : 0,
			.address = any_address(fuzzer),
		};
		break;
	case 0x04:
	case 0x05:
		*(struct isocl_buffer_part *)space = (struct isocl_buffer_part){
			.size = sizeof(struct isocl_buffer_part),
			.handle = buffer->handle,
			.offset = below(fuzzer, 2) * PAGE,
			.length = rarely(fuzzer) ? wild(fuzzer) : PAGE,
		};
		break;
	case 0x06:
		*(struct isocl_sync *)space = (struct isocl_sync){
			.size = sizeof(struct isocl_sync),
			.handle = buffer->handle,
			.offset = below(fuzzer, 2) * PAGE,
			.length = rarely(fuzzer) ? wild(fuzzer) : PAGE,
			.direction = 1 + below(fuzzer, rarely(fuzzer) ? 4 : 2),
		};
		break;
	case 0x07:
		*(struct isocl_mirror *)space = (struct isocl_mirror){
			.size = sizeof(struct isocl_mirror),
			.flags = below(fuzzer, rarely(fuzzer) ? 4 : 2),
			.start = any_address(fuzzer) & ~(PAGE - 1),
			.length = any_pages(fuzzer),
		};
		break;
	case 0x09:
		count = 1 + below(fuzzer, 4);
		for (i = 0; i < count; i++)
			ops[fuzzer->tried[0] % THREADS][i] = any_op(fuzzer);
		*(struct isocl_submit *)space = (struct isocl_submit){
			.size = sizeof(struct isocl_submit),
			.count = rarely(fuzzer) ? wild(fuzzer) : count,
			.ops = rarely(fuzzer) ? wild(fuzzer)
					      : address_of(ops[fuzzer->tried[0] % THREADS]),
			.op_size = rarely(fuzzer) ? wild(fuzzer) : sizeof(struct isocl_op),
		};
		break;
	case 0x0A:
		*(struct isocl_wait *)space = (struct isocl_wait){
			.size = sizeof(struct isocl_wait),
			.sequence = rarely(fuzzer) ? wild(fuzzer)
						   : fuzzer->sequence - below(fuzzer, 4),
			.deadline = below(fuzzer, 2) ? 0 : now() + below(fuzzer, 100000),
		};
		break;
	case 0x0B:
		*(struct isocl_fault *)space = (struct isocl_fault){ .size = sizeof(struct isocl_fault) };
		break;
	default:
		*(struct isocl_statistics *)space = (struct isocl_statistics){
			.size = sizeof(struct isocl_statistics), .scope = below(fuzzer, 3),
		};
		break;
	}
	if (rarely(fuzzer))
		space[below(fuzzer, 12)] = wild(fuzzer);
}

static void learn(struct fuzzer *fuzzer, unsigned int number, const uint64_t *space)
{
	const struct isocl_buffer_create *create = (const void *)space;
	struct buffer *slot = any_buffer(fuzzer);

	if (number == 0x07)
		fuzzer->mirrors[below(fuzzer, 4)] = ((const struct isocl_mirror *)space)->id;
	if (number == 0x09)
		fuzzer->sequence = ((const struct isocl_submit *)space)->sequence;
	if (number != 0x01)
		return;
	if (slot->at != MAP_FAILED && slot->at)
		munmap(slot->at, slot->length);
	*slot = (struct buffer){ create->handle, create->mmap_offset, create->length, MAP_FAILED };
}

/* Keeps the number of what exists bounded. */
static void destroy_forgotten(struct fuzzer *fuzzer, int fd, unsigned int round)
{
	struct isocl_fault fault;
	uint64_t sequence;
	uint32_t handle;
	int status;

	if (round % 2000)
		return;
	for (handle = 1; handle < 4000; handle++)
		if (below(fuzzer, 2))
			destroy(fd, handle);
	for (sequence = 1; sequence <= fuzzer->sequence; sequence += 1 + (fuzzer->sequence > 20000))
		if (sequence + 2000 > fuzzer->sequence)
			wait_for(fd, sequence, 0, &status);
	while (!take_fault(fd, &fault))
		;
}

static void *fuzz(void *argument)
{
	struct fuzzer *fuzzer = argument;
	uint64_t round;

	for (round = 1; round <= fuzzer->calls; round++) {
		uint64_t space[64];
		unsigned int number = below(fuzzer, CALLS);
		int fd = fuzzer->files[rarely(fuzzer) ? below(fuzzer, FILES) : 0];
		void *pointer = space;

		if (below(fuzzer, 6) == 0)
			map_or_unmap(fuzzer, fd);
		choose_arguments(fuzzer, number, space);
		if (below(fuzzer, 100) == 0)
			pointer = (void *)wild(fuzzer);
		fuzzer->tried[number]++;
		if (!call(fd, _IO(ISOCL_IOC_TYPE, number), pointer)) {
			fuzzer->worked[number]++;
			if (pointer == space)
				learn(fuzzer, number, space);
		}
		if (below(fuzzer, 1000) == 0)
			call(fd, wild(fuzzer), space);
		destroy_forgotten(fuzzer, fd, round);
	}
	return NULL;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void random_calls_find_nothing(void)
{
	static struct fuzzer fuzzers[THREADS];
	static int files[THREADS][FILES];
	uint64_t seed = setting("ISOCL_FUZZ_SEED", now()), calls = setting("ISOCL_FUZZ_CALLS", 200000);
	pthread_t threads[THREADS];
	unsigned int i, k;

	printf("    seed %#llx, %llu calls\n", (unsigned long long)seed, (unsigned long long)calls);
	fflush(stdout);
	/* Wild pointers of its own making must not end it. */
	signal(SIGBUS, SIG_IGN);
	for (i = 0; i < THREADS; i++) {
		for (k = 0; k < FILES; k++)
			files[i][k] = k == FILES - 1 && i ? files[0][0] : open_device();
		fuzzers[i].files = files[i];
		fuzzers[i].state = seed * (2 * i + 1) | 1;
		fuzzers[i].calls = calls / THREADS;
		for (k = 0; k < BUFFERS; k++)
			fuzzers[i].buffers[k].at = MAP_FAILED;
		CHECK(!pthread_create(&threads[i], NULL, fuzz, &fuzzers[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (k = 0; k < CALLS; k++) {
		uint64_t tried = fuzzers[0].tried[k] + fuzzers[1].tried[k];
		uint64_t worked = fuzzers[0].worked[k] + fuzzers[1].worked[k];

		printf("    call %2u: %6llu of %6llu worked\n", k, (unsigned long long)worked,
		       (unsigned long long)tried);
		CHECK(worked * 100 > tried);
	}
	CHECK(fuzzers[0].mapped + fuzzers[1].mapped > calls / 1000);
}

const struct group fuzz_group = {
	"fuzz", "memory_limit=268435456", 3000,
	TESTS(TEST(random_calls_find_nothing)),
};
