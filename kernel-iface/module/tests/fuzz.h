/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the fuzzer share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>

#include "device.h"

#define CALLS 13           /* numbers of ioctls */
#define SHARED_FILES 2     /* used by all threads; each has one more of its own */
#define FILES (SHARED_FILES + 1)
#define KNOWN_BUFFERS 24
#define KNOWN_MIRRORS 4
#define SCRATCH_PAGES 32

struct file {
	int fd;
	_Atomic uint64_t latest; /* submission */
	_Atomic uint64_t cursor; /* next submission to wait for */
};

struct known_buffer {
	struct buffer buffer;
	struct file *file; /* NULL if nothing is known here */
	uint32_t flags;
	bool stomped; /* something else lies at its address */
};

/* One thread. What it knows may be stale: the others use the same files, and guess handles. */
struct fuzzer {
	uint64_t state, calls;
	struct file *files[FILES];
	struct known_buffer buffers[KNOWN_BUFFERS];
	struct {
		struct file *file;
		uint32_t id;
	} mirrors[KNOWN_MIRRORS];
	uint8_t *scratch;       /* ordinary memory inside the aperture */
	uint64_t *arguments;    /* of the next call; two pages */
	void *read_only;        /* the same pages, not to be written */
	struct buffer desk;     /* memory of the driver that arguments may lie in */
	struct isocl_op ops[4];
	uint8_t data[ISOCL_MAX_DATA];
	struct isocl_range ranges[4];
	/* Of the call under way. */
	struct known_buffer *slot;
	uint64_t awaited;
	uint64_t tried[CALLS], worked[CALLS], mapped;
};

static inline uint64_t random_of(struct fuzzer *fuzzer)
{
	fuzzer->state ^= fuzzer->state << 13;
	fuzzer->state ^= fuzzer->state >> 7;
	fuzzer->state ^= fuzzer->state << 17;
	return fuzzer->state * 0x2545F4914F6CDD1D >> 8;
}

static inline uint64_t below(struct fuzzer *fuzzer, uint64_t limit)
{
	return random_of(fuzzer) % limit;
}

static inline bool one_in(struct fuzzer *fuzzer, uint64_t n)
{
	return below(fuzzer, n) == 0;
}

/* fuzz_arguments.c */
uint64_t wild(struct fuzzer *fuzzer);
struct known_buffer *mapped_buffer(struct fuzzer *fuzzer, bool lazy);
/* Puts arguments for the call into fuzzer->arguments and returns the file to call. */
struct file *choose_arguments(struct fuzzer *fuzzer, unsigned int number);
/* Takes from the answer of a call that worked what later calls may use. */
void learn(struct fuzzer *fuzzer, struct file *file, unsigned int number);

/* fuzz_memory.c */
void disturb_memory(struct fuzzer *fuzzer);
void forget_mapping(struct known_buffer *known);

#endif
