// SPDX-License-Identifier: GPL-2.0-only
/* What a process may try with the mappings of its buffers. A thread only touches its own. */
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"
#include "fuzz.h"

void forget_mapping(struct known_buffer *known)
{
	if (known->buffer.at != MAP_FAILED)
		CHECK(!munmap(known->buffer.at, known->buffer.length));
	known->buffer.at = MAP_FAILED;
	known->stomped = false;
}

/* A mapping that fails at a fixed address may have taken away what was there. */
static bool is_mapped(const struct known_buffer *known)
{
	struct isocl_buffer_info answer;

	return !info(known->file->fd, known->buffer.handle, 0, &answer) &&
	       answer.address == address_of(known->buffer.at);
}

static void map(struct fuzzer *fuzzer, struct known_buffer *known)
{
	struct known_buffer *other = mapped_buffer(fuzzer, false);
	size_t length = one_in(fuzzer, 32) ? below(fuzzer, 16) * PAGE : known->buffer.length;
	uint64_t offset = one_in(fuzzer, 32) ? wild(fuzzer) & ~(PAGE - 1) : known->buffer.offset;
	int protection = one_in(fuzzer, 8) ? below(fuzzer, 4) : PROT_READ | PROT_WRITE;
	int flags = one_in(fuzzer, 32) ? MAP_PRIVATE : MAP_SHARED;
	void *at, *wanted = NULL;
	bool takes_place = false;

	if (one_in(fuzzer, 16)) {
		wanted = (void *)(wild(fuzzer) & ~(PAGE - 1));
		flags |= one_in(fuzzer, 2) ? MAP_FIXED_NOREPLACE : 0;
	} else if (one_in(fuzzer, 8) && other->file && other->buffer.at != MAP_FAILED &&
		   !other->stomped && other->buffer.length == length) {
		/* Into the place of another buffer. */
		wanted = other->buffer.at;
		flags |= MAP_FIXED;
		takes_place = true;
	}
	if (one_in(fuzzer, 16))
		flags |= MAP_POPULATE;
	at = mmap(wanted, length, protection, flags, known->file->fd, offset);
	if (takes_place && (at != MAP_FAILED || !is_mapped(other)))
		other->buffer.at = MAP_FAILED;
	if (at == MAP_FAILED)
		return;
	fuzzer->mapped++;
	/* Nothing but the whole buffer, shared, is ever mapped, unless the offset is another's. */
	CHECK(flags & MAP_SHARED);
	if (offset == known->buffer.offset && length == known->buffer.length)
		known->buffer.at = at;
	else
		CHECK(!munmap(at, length));
}

/* Anything else in the place of a whole buffer, or, which must not work, of a part. */
static void stomp(struct fuzzer *fuzzer, struct known_buffer *known)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	size_t length = known->buffer.length;

	if (length > PAGE && one_in(fuzzer, 2)) {
		CHECK(mmap(known->buffer.at + PAGE, length - PAGE, PROT_NONE, flags, -1, 0) ==
			      MAP_FAILED || known->stomped);
	} else {
		CHECK(mmap(known->buffer.at, length, PROT_READ | PROT_WRITE, flags, -1, 0) ==
		      known->buffer.at);
		known->stomped = true;
	}
}

static void touch(struct fuzzer *fuzzer, struct known_buffer *known)
{
	uint64_t words[16];
	struct iovec local = { words, sizeof(words) };
	/* The system touches for us: where nothing can be had, it says so instead of killing. */
	struct iovec remote = { known->buffer.at + below(fuzzer, known->buffer.length),
				sizeof(words) };

	if (one_in(fuzzer, 2)) {
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
		return;
	}
	/* Pointers, for CHASE to find. */
	for (unsigned int i = 0; i < 16; i++)
		words[i] = one_in(fuzzer, 8) ? 0 : address_of(known->buffer.at) +
			   (below(fuzzer, known->buffer.length) & ~7ULL);
	process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

static void disturb_mapping(struct fuzzer *fuzzer, struct known_buffer *known)
{
	uint8_t *at = known->buffer.at;
	size_t length = known->buffer.length;

	switch (below(fuzzer, 12)) {
	case 0:
		if (length > PAGE && !known->stomped)
			CHECK(munmap(at + PAGE, length - PAGE));
		break;
	case 1:
		mprotect(at, length, below(fuzzer, 4));
		break;
	case 2:
		if (length > PAGE)
			mprotect(at + PAGE, PAGE, below(fuzzer, 4));
		break;
	case 3:
		madvise(at, length, one_in(fuzzer, 2) ? MADV_DONTNEED : (int)below(fuzzer, 26));
		break;
	case 4:
		if (!known->stomped)
			CHECK(mremap(at, length, (1 + below(fuzzer, 16)) * PAGE + length,
				     one_in(fuzzer, 2) ? MREMAP_MAYMOVE : 0) == MAP_FAILED);
		break;
	case 5:
		if (!known->stomped)
			CHECK(mremap(at, 0, length, MREMAP_MAYMOVE) == MAP_FAILED);
		break;
	case 6:
		msync(at, length, MS_SYNC);
		mlock(at, length);
		break;
	case 7:
		stomp(fuzzer, known);
		break;
	case 8:
		if (remap_file_pages(at, length, 0, known->buffer.offset / PAGE, 0) &&
		    !known->stomped && !is_mapped(known))
			known->buffer.at = MAP_FAILED;
		break;
	case 9:
		forget_mapping(known);
		break;
	default:
		touch(fuzzer, known);
		break;
	}
}

void disturb_memory(struct fuzzer *fuzzer)
{
	struct known_buffer *known = &fuzzer->buffers[below(fuzzer, KNOWN_BUFFERS)];

	if (one_in(fuzzer, 8)) {
		/* Mirrored memory comes and goes, too. */
		uint8_t *page = fuzzer->scratch + below(fuzzer, SCRATCH_PAGES) * PAGE;

		if (one_in(fuzzer, 2))
			madvise(page, PAGE, MADV_DONTNEED);
		else
			mprotect(page, PAGE, one_in(fuzzer, 4) ? PROT_READ
							       : PROT_READ | PROT_WRITE);
	} else if (known->file && known->buffer.at == MAP_FAILED) {
		map(fuzzer, known);
	} else if (known->file) {
		disturb_mapping(fuzzer, known);
	}
}
