// SPDX-License-Identifier: GPL-2.0-only
/* The engine: every operation, what it refuses, faults, order and waiting. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

/* CRC-32 as zlib computes it. */
static uint32_t crc32(const uint8_t *bytes, size_t length)
{
	uint32_t sum = ~0U;
	int bit;

	while (length--) {
		sum ^= *bytes++;
		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320 : 0);
	}
	return ~sum;
}

static void fills_keep_their_pattern_over_pages(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 16 * PAGE, ISOCL_BUFFER_LAZY);
	uint8_t pattern[ISOCL_MAX_DATA];
	unsigned int i, lengths[] = { 1, 2, 3, 4, 8, 16, 100, 127, 128 };
	size_t byte;

	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = i * 7 + 1;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t start = 100 + i, length = 3 * PAGE + 77;

		memset(buffer.at, 0xEE, 4 * PAGE);
		CHECK(!run(fd, (struct isocl_op){ .opcode = ISOCL_OP_FILL, .length = length,
						  .destination = address_of(buffer.at + start),
						  .data = address_of(pattern),
						  .data_length = lengths[i] }));
		for (byte = 0; byte < length; byte++)
			CHECK(buffer.at[start + byte] == pattern[byte % lengths[i]]);
		CHECK(buffer.at[start - 1] == 0xEE && buffer.at[start + length] == 0xEE);
	}
	CHECK(!device_fill(fd, buffer.at, 0, 9) && buffer.at[0] == 0xEE);
}

static void copies_of_all_offsets_arrive(void)
{
	int fd = open_device();
	struct buffer from = create_and_map(fd, 8 * PAGE, 0), to = create_and_map(fd, 8 * PAGE, 0);
	size_t i, offset;

	for (i = 0; i < 8 * PAGE; i++)
		from.at[i] = i * 31 + i / 256;
	for (offset = 0; offset < 5; offset++) {
		size_t source = offset * 1001, destination = 4500 - offset * 777;

		memset(to.at, 0, 8 * PAGE);
		CHECK(!device_copy(fd, to.at + destination, from.at + source, 3 * PAGE + 5));
		CHECK(!memcmp(to.at + destination, from.at + source, 3 * PAGE + 5));
		CHECK(!to.at[destination - 1] && !to.at[destination + 3 * PAGE + 5]);
	}
}

static void atomics_compute_what_they_should(void)
{
	static const struct {
		uint32_t function;
		uint64_t start, operand, compare, end;
	} cases[] = {
		{ ISOCL_ATOMIC_ADD, 5, 7, 0, 12 },
		{ ISOCL_ATOMIC_ADD, 1, ~0ULL, 0, 0 },
		{ ISOCL_ATOMIC_SUB, 5, 7, 0, -2ULL },
		{ ISOCL_ATOMIC_AND, 0xFF, 0x0F, 0, 0x0F },
		{ ISOCL_ATOMIC_OR, 0xF0, 0x0F, 0, 0xFF },
		{ ISOCL_ATOMIC_XOR, 0xFF, 0x0F, 0, 0xF0 },
		{ ISOCL_ATOMIC_MIN, 9, 4, 0, 4 },
		{ ISOCL_ATOMIC_MIN, 9, ~0ULL, 0, 9 },
		{ ISOCL_ATOMIC_MAX, 9, 4, 0, 9 },
		{ ISOCL_ATOMIC_MAX, 9, ~0ULL, 0, ~0ULL },
		{ ISOCL_ATOMIC_EXCHANGE, 9, 4, 0, 4 },
		{ ISOCL_ATOMIC_COMPARE_EXCHANGE, 9, 4, 9, 4 },
		{ ISOCL_ATOMIC_COMPARE_EXCHANGE, 9, 4, 8, 9 },
	};
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 2 * PAGE, ISOCL_BUFFER_LAZY);
	uint64_t *words = (uint64_t *)buffer.at;
	unsigned int i, width;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (width = 4; width <= 8; width += 4) {
			uint64_t mask = width == 4 ? 0xFFFFFFFF : ~0ULL;

			words[1] = cases[i].start;
			words[2] = 0x5555555555555555;
			words[600] = 0x7777777777777777;
			CHECK(!run(fd, (struct isocl_op){ .opcode = ISOCL_OP_ATOMIC,
							  .function = cases[i].function,
							  .width = width, .length = 1,
							  .destination = address_of(words + 1),
							  .source = address_of(words + 600),
							  .operand = cases[i].operand,
							  .compare = cases[i].compare }));
			CHECK((words[1] & mask) == (cases[i].end & mask));
			CHECK(width == 8 || words[1] >> 32 == 0);
			CHECK(words[2] == 0x5555555555555555);
			CHECK((words[600] & mask) == cases[i].start);
			CHECK(width == 8 || words[600] >> 32 == 0x77777777);
		}
	}
	words[0] = 0;
	CHECK(!device_add(fd, words, 3, 100000) && words[0] == 300000);
	CHECK(!device_add(fd, words, 3, 0) && words[0] == 300000);
}

static void *add_on_cpu(void *word)
{
	unsigned int i;

	for (i = 0; i < 20000; i++)
		__atomic_fetch_add((uint64_t *)word, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void atomics_of_cpu_and_device_are_one(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, add_on_cpu, buffer.at));
	CHECK(!device_add(fd, buffer.at, 1, 20000));
	pthread_join(thread, NULL);
	CHECK(*(uint64_t *)buffer.at == 40000);
}

struct node {
	struct node *next;
	uint64_t value;
};

static void pointers_that_the_cpu_stored_lead_through_buffers(void)
{
	int fd = open_device(), i;
	struct buffer buffers[8], result = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);
	uint64_t *words = (uint64_t *)result.at, sum = 0;
	struct node *first = NULL;
	struct isocl_op op = { .opcode = ISOCL_OP_CHASE, .length = 5000, .compare = 0,
			       .operand = 8, .destination = address_of(words) };
	struct isocl_fault fault;

	for (i = 0; i < 8; i++)
		buffers[i] = create_and_map(fd, 3 * PAGE, i % 2);
	for (i = 0; i < 1000; i++) {
		struct node *node = (struct node *)buffers[i % 8].at + i / 8 * 3;

		*node = (struct node){ first, i * 11 };
		first = node;
		sum += i * 11;
	}
	op.source = address_of(first);
	CHECK(!run(fd, op));
	CHECK(words[0] == sum && words[1] == 1000);
	CHECK(words[2] == address_of(buffers[0].at));
	/* At most so many. */
	op.length = 10;
	CHECK(!run(fd, op) && words[1] == 10);
	/* An empty list. */
	op.source = 0;
	CHECK(!run(fd, op) && words[0] == 0 && words[1] == 0 && words[2] == 0);
	/* A list that leads out of memory. */
	((struct node *)buffers[0].at)->next = (struct node *)0x123456000;
	op.source = address_of(first);
	op.length = 5000;
	CHECK(run(fd, op) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.address == 0x123456008 && fault.reason == ISOCL_FAULT_UNMAPPED);
	((struct node *)buffers[0].at)->next = (struct node *)(buffers[1].at + 4);
	CHECK(run(fd, op) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_MISALIGNED);
}

static void checksums_are_those_of_zlib(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 8 * PAGE, 0);
	uint64_t *result = (uint64_t *)(buffer.at + 7 * PAGE);
	size_t i;

	for (i = 0; i < 7 * PAGE; i++)
		buffer.at[i] = i * i >> 3;
	for (i = 0; i < 3; i++) {
		size_t start = i * 501, length = i ? 5 * PAGE + i * 3 : 9;

		CHECK(!run(fd, (struct isocl_op){ .opcode = ISOCL_OP_CHECKSUM, .length = length,
						  .source = address_of(buffer.at + start),
						  .destination = address_of(result) }));
		CHECK(*result == crc32(buffer.at + start, length));
	}
}

static void malformed_operations_are_refused(void)
{
	uint8_t data[256] = { 0 };
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, PAGE, 0);
	const uint64_t at = address_of(buffer.at);
	const struct isocl_op wrong[] = {
		{ .opcode = 0 },
		{ .opcode = 7, .destination = at },
		{ .opcode = ISOCL_OP_FILL, .destination = at, .length = 8 },
		{ .opcode = ISOCL_OP_FILL, .destination = at, .length = 8,
		  .data = address_of(data), .data_length = 129 },
		{ .opcode = ISOCL_OP_FILL, .destination = ~0ULL - 7, .length = 16,
		  .data = address_of(data), .data_length = 1 },
		{ .opcode = ISOCL_OP_FILL, .destination = at, .length = 8, .source = at,
		  .data = address_of(data), .data_length = 1 },
		{ .opcode = ISOCL_OP_COPY, .destination = at, .source = at, .length = 8 },
		{ .opcode = ISOCL_OP_COPY, .destination = at + 7, .source = at, .length = 8 },
		{ .opcode = ISOCL_OP_COPY, .destination = at, .source = at + 7, .length = 8 },
		{ .opcode = ISOCL_OP_COPY, .destination = at, .source = -8ULL, .length = 16 },
		{ .opcode = ISOCL_OP_COPY, .destination = at, .source = at + 8, .length = 8,
		  .width = 4 },
		{ .opcode = ISOCL_OP_ATOMIC, .destination = at, .length = 1, .width = 2 },
		{ .opcode = ISOCL_OP_ATOMIC, .destination = at, .length = 1 },
		{ .opcode = ISOCL_OP_ATOMIC, .destination = at, .length = 1, .width = 8,
		  .function = 9 },
		{ .opcode = ISOCL_OP_ATOMIC, .destination = at, .length = 1, .width = 8,
		  .compare = 1 },
		{ .opcode = ISOCL_OP_CHASE, .destination = at, .source = at, .length = 1,
		  .function = 1 },
		{ .opcode = ISOCL_OP_CHECKSUM, .destination = at, .source = at, .length = ~0ULL },
		{ .opcode = ISOCL_OP_DELAY, .length = ISOCL_MAX_DELAY + 1 },
		{ .opcode = ISOCL_OP_DELAY, .length = 1, .destination = at },
	};
	struct isocl_submit submission = { .size = sizeof(submission),
					   .ops = address_of(wrong), .op_size = sizeof(wrong[0]) };
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_ERRNO(submit(fd, &wrong[i], 1, NULL), EINVAL);
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), EINVAL);
	submission.count = ISOCL_MAX_OPS + 1;
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), EINVAL);
	submission.count = 1;
	submission.op_size = sizeof(wrong[0]) - 1;
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), EINVAL);
	submission.op_size = PAGE + 1;
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), E2BIG);
	submission.op_size = sizeof(wrong[0]);
	submission.ops = 8;
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), EFAULT);
	CHECK_ERRNO(submit(fd, &(struct isocl_op){ .opcode = ISOCL_OP_FILL, .destination = at,
						   .length = 8, .data = 8, .data_length = 1 },
			   1, NULL), EFAULT);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).submissions);
}

static void faults_tell_what_happened(void)
{
	int fd = open_device(), status;
	struct buffer buffer = create_and_map(fd, 2 * PAGE, 0);
	struct isocl_op ops[3] = {
		{ .opcode = ISOCL_OP_ATOMIC, .width = 4, .length = 1, .operand = 1,
		  .destination = address_of(buffer.at) },
		{ .opcode = ISOCL_OP_COPY, .source = address_of(buffer.at) + PAGE + 10,
		  .destination = address_of(buffer.at), .length = PAGE },
		{ .opcode = ISOCL_OP_ATOMIC, .width = 4, .length = 1, .operand = 1,
		  .destination = address_of(buffer.at) },
	};
	struct isocl_fault fault;
	uint64_t sequence, before = now();

	CHECK_ERRNO(take_fault(fd, &fault), EAGAIN);
	/* The copy's destination would overlap its source's page but for the missing next page. */
	ops[1].destination = address_of(buffer.at) + 8;
	ops[1].length = PAGE;
	ops[1].source = address_of(buffer.at) + PAGE + 8;
	CHECK(!submit(fd, ops, 3, &sequence));
	CHECK(!wait_for(fd, sequence, ~0ULL, &status) && status == -EFAULT);
	CHECK(*(uint32_t *)buffer.at == 1);
	CHECK(!take_fault(fd, &fault));
	CHECK(fault.sequence == sequence && fault.op == 1 && fault.side == ISOCL_SIDE_DEVICE);
	CHECK(fault.access == ISOCL_ACCESS_READ && fault.reason == ISOCL_FAULT_UNMAPPED);
	CHECK(fault.address == address_of(buffer.at) + 2 * PAGE && fault.lost == 0);
	CHECK(fault.time >= before && fault.time <= now());
	CHECK_ERRNO(take_fault(fd, &fault), EAGAIN);
	/* A failure is told once. */
	CHECK(!wait_for(fd, sequence, ~0ULL, &status) && status == 0);

	CHECK(device_fill(fd, (void *)(1UL << 40), 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_ADDRESS_BITS);
	CHECK(fault.address == 1UL << 40 && fault.access == ISOCL_ACCESS_WRITE);
	CHECK(device_fill(fd, &fault, 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_ADDRESS_BITS);
	CHECK(device_fill(fd, NULL, 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_UNMAPPED);
	CHECK(device_add(fd, buffer.at + 4, 1, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault) && fault.reason == ISOCL_FAULT_MISALIGNED);
}

static void records_that_nobody_takes_are_counted(void)
{
	int fd = open_device(), i;
	struct isocl_fault fault;

	for (i = 0; i < 300; i++)
		CHECK(device_fill(fd, (void *)(PAGE * i), 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault));
	CHECK(fault.lost == 300 - ISOCL_MAX_PENDING && fault.address == PAGE * fault.lost);
	CHECK(!take_fault(fd, &fault) && fault.lost == 0);
	CHECK(statistics(fd, ISOCL_SCOPE_FILE).fault_records == 300);
}

static void submissions_run_in_order(void)
{
	int fd = open_device(), status;
	struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);
	uint64_t last = 0, sequence = 0, i;

	for (i = 1; i <= 100; i++) {
		struct isocl_op ops[2] = {
			/* Only the right predecessor makes the exchange happen. */
			{ .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = 1,
			  .function = ISOCL_ATOMIC_COMPARE_EXCHANGE, .operand = i,
			  .compare = i - 1, .destination = address_of(buffer.at) },
			{ .opcode = ISOCL_OP_DELAY, .length = 10000 },
		};

		CHECK(!submit(fd, ops, 2, &sequence));
		CHECK(sequence == last + 1);
		last = sequence;
	}
	CHECK(!wait_for(fd, last, ~0ULL, &status) && status == 0);
	CHECK(*(uint64_t *)buffer.at == 100);
	CHECK(!wait_for(fd, 1, 0, &status) && status == 0);
}

static void waiting_keeps_to_its_deadline(void)
{
	int fd = open_device(), status;
	struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = 200000000 };
	struct isocl_wait odd = { .size = sizeof(odd), .sequence = 1, .status = 1 };
	uint64_t sequence, began = now();

	CHECK_ERRNO(wait_for(fd, 1, ~0ULL, &status), EINVAL);
	CHECK_ERRNO(wait_for(fd, 0, ~0ULL, &status), EINVAL);
	CHECK(!submit(fd, &slow, 1, &sequence));
	CHECK_ERRNO(wait_for(fd, sequence, 0, &status), ETIMEDOUT);
	CHECK_ERRNO(wait_for(fd, sequence, began, &status), ETIMEDOUT);
	CHECK_ERRNO(wait_for(fd, sequence, began + 20000000, &status), ETIMEDOUT);
	CHECK(now() >= began + 20000000);
	CHECK_ERRNO(wait_for(fd, sequence + 1, ~0ULL, &status), EINVAL);
	/* What is only told is not looked at before. */
	odd.deadline = ~0ULL;
	CHECK(!call(fd, ISOCL_IOC_WAIT, &odd) && odd.status == 0);
	CHECK(!wait_for(fd, sequence, ~0ULL, &status) && status == 0);
	CHECK(now() >= began + 200000000);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void signals_interrupt_waiting(void)
{
	int fd = open_device(), status;
	struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = 300000000 };
	struct sigaction action = { .sa_handler = count_signal };
	uint64_t sequence;

	sigaction(SIGUSR1, &action, NULL);
	CHECK(!submit(fd, &slow, 1, &sequence));
	if (!fork()) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERRNO(wait_for(fd, sequence, ~0ULL, &status), EINTR);
	CHECK(signals == 1);
	CHECK(!wait_for(fd, sequence, ~0ULL, &status));
}

/* A handler that restarts calls leaves the deadline where it was. */
static void waiting_goes_on_after_a_signal(void)
{
	int fd = open_device(), status;
	struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = 400000000 };
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	uint64_t sequence, began;

	sigaction(SIGUSR1, &action, NULL);
	CHECK(!submit(fd, &slow, 1, &sequence));
	began = now();
	if (!fork()) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		usleep(50000);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	CHECK_ERRNO(wait_for(fd, sequence, began + 200000000, &status), ETIMEDOUT);
	CHECK(signals == 2 && now() - began >= 200000000);
	CHECK(!wait_for(fd, sequence, ~0ULL, &status) && status == 0);
}

static void operations_may_grow(void)
{
	int fd = open_device(), status;
	struct buffer buffer = create_and_map(fd, PAGE, 0);
	struct {
		struct isocl_op op;
		uint64_t unknown;
	} longer[2] = { 0 };
	struct isocl_submit submission = { .size = sizeof(submission), .count = 2,
					   .ops = address_of(longer), .op_size = sizeof(longer[0]) };
	unsigned int i;

	for (i = 0; i < 2; i++)
		longer[i].op = (struct isocl_op){ .opcode = ISOCL_OP_ATOMIC, .width = 4,
						  .length = 1, .operand = 1 + i,
						  .destination = address_of(buffer.at) };
	CHECK(!call(fd, ISOCL_IOC_SUBMIT, &submission));
	CHECK(!wait_for(fd, submission.sequence, ~0ULL, &status) && status == 0);
	CHECK(*(uint32_t *)buffer.at == 3);
	longer[1].unknown = 1;
	submission.sequence = 0;
	CHECK_ERRNO(call(fd, ISOCL_IOC_SUBMIT, &submission), E2BIG);
}

static void too_many_submissions_are_refused_until_failures_are_told(void)
{
	int fd = open_device(), status;
	struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = 100000000 };
	struct isocl_op wrong = { .opcode = ISOCL_OP_CHECKSUM, .length = 1 };
	uint64_t i, sequence;

	CHECK(!submit(fd, &slow, 1, &sequence));
	for (i = 1; i < ISOCL_MAX_PENDING; i++)
		CHECK(!submit(fd, &wrong, 1, &sequence));
	CHECK_ERRNO(submit(fd, &slow, 1, NULL), EAGAIN);
	CHECK(!wait_for(fd, 1, ~0ULL, &status) && status == 0);
	while (statistics(fd, ISOCL_SCOPE_FILE).submissions == ISOCL_MAX_PENDING)
		usleep(1000);
	/* What failed stays until it is told. */
	CHECK(!submit(fd, &wrong, 1, &sequence));
	CHECK_ERRNO(submit(fd, &wrong, 1, NULL), EAGAIN);
	for (i = 2; i <= sequence; i++)
		CHECK(!wait_for(fd, i, ~0ULL, &status) && status == -EFAULT);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).submissions);
}

static void many_operations_fit_into_one_submission(void)
{
	static struct isocl_op ops[ISOCL_MAX_OPS];
	int fd = open_device(), status;
	struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);
	uint64_t sequence, i;

	for (i = 0; i < ISOCL_MAX_OPS; i++)
		ops[i] = (struct isocl_op){ .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = 1,
					    .operand = i, .destination = address_of(buffer.at) };
	CHECK(!submit(fd, ops, ISOCL_MAX_OPS, &sequence));
	CHECK(!wait_for(fd, sequence, ~0ULL, &status) && status == 0);
	CHECK(*(uint64_t *)buffer.at == ISOCL_MAX_OPS * (ISOCL_MAX_OPS - 1) / 2);
}

const struct group engine_group = {
	"engine", "", 30,
	TESTS(TEST(fills_keep_their_pattern_over_pages), TEST(copies_of_all_offsets_arrive),
	      TEST(atomics_compute_what_they_should), TEST(atomics_of_cpu_and_device_are_one),
	      TEST(pointers_that_the_cpu_stored_lead_through_buffers),
	      TEST(checksums_are_those_of_zlib), TEST(malformed_operations_are_refused),
	      TEST(faults_tell_what_happened), TEST(records_that_nobody_takes_are_counted),
	      TEST(submissions_run_in_order), TEST(waiting_keeps_to_its_deadline),
	      TEST(signals_interrupt_waiting), TEST(waiting_goes_on_after_a_signal),
	      TEST(operations_may_grow),
	      TEST(too_many_submissions_are_refused_until_failures_are_told),
	      TEST(many_operations_fit_into_one_submission)),
};
