// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of the driver's calls: right for the most part, and wrong in one place at a time. */
#include "check.h"
#include "fuzz.h"

/* Numbers at the edges of everything. */
uint64_t wild(struct fuzzer *fuzzer)
{
	static const uint64_t edges[] = { 0, 8, PAGE, 1ULL << 31, 1ULL << 32, 1ULL << 39,
					  1ULL << 40, 1ULL << 43, 1ULL << 47, 1ULL << 63,
					  ~0ULL - PAGE + 1 };

	if (one_in(fuzzer, 3))
		return random_of(fuzzer) << 8 >> below(fuzzer, 64);
	return edges[below(fuzzer, sizeof(edges) / sizeof(edges[0]))] + below(fuzzer, 3) - 1;
}

static struct known_buffer *any_buffer(struct fuzzer *fuzzer)
{
	struct known_buffer *known;
	unsigned int tries = 0;

	do
		known = &fuzzer->buffers[below(fuzzer, KNOWN_BUFFERS)];
	while (!known->file && tries++ < 8);
	return known;
}

struct known_buffer *mapped_buffer(struct fuzzer *fuzzer, bool lazy)
{
	struct known_buffer *known;
	unsigned int tries = 0;

	do
		known = any_buffer(fuzzer);
	while ((known->buffer.at == MAP_FAILED || (lazy && known->flags != ISOCL_BUFFER_LAZY)) &&
	       tries++ < 16);
	return known;
}

static struct file *any_file(struct fuzzer *fuzzer)
{
	return fuzzer->files[below(fuzzer, FILES)];
}

static struct file *file_of(struct fuzzer *fuzzer, const struct known_buffer *known)
{
	return known->file && !one_in(fuzzer, 32) ? known->file : any_file(fuzzer);
}

/* ---- operations ---------------------------------------------------------------------------- */

/* Where length bytes of a buffer of this file lie, or of ordinary memory. */
static uint64_t any_place(struct fuzzer *fuzzer, const struct file *file, uint64_t length)
{
	unsigned int tries;

	if (one_in(fuzzer, 32))
		return wild(fuzzer);
	if (one_in(fuzzer, 8))
		return address_of(fuzzer->scratch) + below(fuzzer, SCRATCH_PAGES * PAGE);
	for (tries = 0; tries < 8; tries++) {
		const struct known_buffer *known = mapped_buffer(fuzzer, false);

		if (known->file == file && known->buffer.at != MAP_FAILED &&
		    known->buffer.length >= length)
			return address_of(known->buffer.at) +
			       below(fuzzer, known->buffer.length - length + 1);
	}
	return address_of(fuzzer->scratch) + below(fuzzer, SCRATCH_PAGES * PAGE);
}

static uint64_t any_word(struct fuzzer *fuzzer, const struct file *file, uint64_t length)
{
	return any_place(fuzzer, file, length) & (one_in(fuzzer, 32) ? ~0ULL : ~7ULL);
}

/* What takes for ever would only make everything after it wait. */
static void keep_short(struct isocl_op *op)
{
	if (op->opcode == ISOCL_OP_DELAY && op->length > 2000)
		op->length = ~0ULL;
	if ((op->opcode == ISOCL_OP_ATOMIC || op->opcode == ISOCL_OP_CHASE) && op->length > 300)
		op->length = 300;
}

static struct isocl_op any_op(struct fuzzer *fuzzer, const struct file *file)
{
	struct isocl_op op = { .opcode = 1 + below(fuzzer, 6) };
	uint64_t length = one_in(fuzzer, 64)  ? wild(fuzzer)
			  : one_in(fuzzer, 8) ? below(fuzzer, 2 * PAGE)
					      : below(fuzzer, 256);

	switch (op.opcode) {
	case ISOCL_OP_FILL:
		op.length = length;
		op.destination = any_place(fuzzer, file, length);
		op.data = address_of(fuzzer->data);
		op.data_length = 1 + below(fuzzer, ISOCL_MAX_DATA);
		break;
	case ISOCL_OP_COPY:
		op.length = length;
		op.destination = any_place(fuzzer, file, length);
		op.source = any_place(fuzzer, file, length);
		break;
	case ISOCL_OP_ATOMIC:
		op.length = below(fuzzer, 20);
		op.destination = any_word(fuzzer, file, 8);
		op.source = one_in(fuzzer, 2) ? 0 : any_word(fuzzer, file, 8);
		op.function = below(fuzzer, 9);
		op.width = one_in(fuzzer, 2) ? 4 : 8;
		op.operand = wild(fuzzer);
		op.compare = op.function == ISOCL_ATOMIC_COMPARE_EXCHANGE ? wild(fuzzer) : 0;
		break;
	case ISOCL_OP_CHASE:
		op.length = below(fuzzer, 20);
		op.destination = any_word(fuzzer, file, 24);
		op.source = one_in(fuzzer, 8) ? 0 : any_word(fuzzer, file, 64);
		op.operand = below(fuzzer, 4) * 8;
		op.compare = below(fuzzer, 4) * 8;
		break;
	case ISOCL_OP_CHECKSUM:
		op.length = length;
		op.source = any_place(fuzzer, file, length);
		op.destination = any_word(fuzzer, file, 8);
		break;
	default:
		op.length = below(fuzzer, 2000);
		break;
	}
	if (one_in(fuzzer, 32))
		((uint64_t *)&op)[below(fuzzer, sizeof(op) / 8)] = wild(fuzzer);
	keep_short(&op);
	return op;
}

/* Waits go round and round over what was submitted last, so that every failure is told. */
static uint64_t next_to_wait_for(struct file *file)
{
	uint64_t latest = file->latest, sequence = file->cursor++;

	if (sequence <= latest)
		return sequence;
	file->cursor = latest > 400 ? latest - 400 : 1;
	return latest;
}

/* ---- the calls ----------------------------------------------------------------------------- */

#define ARGUMENTS(type, ...) \
	(*(struct type *)fuzzer->arguments = (struct type){ .size = sizeof(struct type), __VA_ARGS__ })

/* A part of a buffer; the length may be 0, and end behind the buffer's end. */
static void choose_part(struct fuzzer *fuzzer, const struct known_buffer *known, uint64_t *offset,
			uint64_t *length)
{
	uint64_t pages = known->file ? known->buffer.length / PAGE : 1;

	*offset = below(fuzzer, pages) * PAGE;
	*length = (1 + below(fuzzer, pages - *offset / PAGE + one_in(fuzzer, 32))) * PAGE;
}

static struct file *choose_mirror(struct fuzzer *fuzzer)
{
	struct known_buffer *known = mapped_buffer(fuzzer, false);
	uint64_t start = address_of(fuzzer->scratch) + below(fuzzer, SCRATCH_PAGES) * PAGE;

	if (one_in(fuzzer, 3) && known->buffer.at != MAP_FAILED)
		start = address_of(known->buffer.at) - below(fuzzer, 3) * PAGE;
	ARGUMENTS(isocl_mirror, .flags = below(fuzzer, 2), .start = start,
		  .length = (1 + below(fuzzer, SCRATCH_PAGES)) * PAGE);
	return any_file(fuzzer);
}

static struct file *choose_submission(struct fuzzer *fuzzer)
{
	struct file *file = any_file(fuzzer);
	unsigned int count = 1 + below(fuzzer, 3), i;

	for (i = 0; i < count; i++)
		fuzzer->ops[i] = any_op(fuzzer, file);
	ARGUMENTS(isocl_submit, .count = count, .ops = address_of(fuzzer->ops),
		  .op_size = sizeof(struct isocl_op));
	return file;
}

static struct file *choose_right_arguments(struct fuzzer *fuzzer, unsigned int number)
{
	struct known_buffer *known;
	struct file *file = any_file(fuzzer);
	uint64_t offset, length;
	unsigned int i;

	switch (number) {
	case 0x00:
		ARGUMENTS(isocl_query, .reserved = address_of(fuzzer->ranges),
			  .reserved_count = below(fuzzer, 4));
		return file;
	case 0x01:
		fuzzer->slot = &fuzzer->buffers[below(fuzzer, KNOWN_BUFFERS)];
		ARGUMENTS(isocl_buffer_create, .flags = below(fuzzer, 3),
			  .length = (1 + below(fuzzer, 8)) * PAGE,
			  .alignment = one_in(fuzzer, 8) ? PAGE << below(fuzzer, 20) : 0);
		return file;
	case 0x02:
		fuzzer->slot = known = any_buffer(fuzzer);
		if (known->file && !one_in(fuzzer, 4))
			forget_mapping(known);
		ARGUMENTS(isocl_buffer_destroy, .handle = known->buffer.handle);
		return file_of(fuzzer, known);
	case 0x03:
		known = mapped_buffer(fuzzer, false);
		if (one_in(fuzzer, 2))
			ARGUMENTS(isocl_buffer_info, .handle = known->buffer.handle);
		else
			ARGUMENTS(isocl_buffer_info, .address = address_of(known->buffer.at) + 5);
		return file_of(fuzzer, known);
	case 0x04:
	case 0x05:
		known = mapped_buffer(fuzzer, true);
		choose_part(fuzzer, known, &offset, &length);
		ARGUMENTS(isocl_buffer_part, .handle = known->buffer.handle, .offset = offset,
			  .length = length);
		return file_of(fuzzer, known);
	case 0x06:
		known = mapped_buffer(fuzzer, false);
		choose_part(fuzzer, known, &offset, &length);
		ARGUMENTS(isocl_sync, .handle = known->buffer.handle, .offset = offset,
			  .length = length, .direction = 1 + below(fuzzer, 2));
		return file_of(fuzzer, known);
	case 0x07:
		return choose_mirror(fuzzer);
	case 0x08:
		for (i = 0; i + 1 < KNOWN_MIRRORS && !fuzzer->mirrors[i].id; i++)
			;
		ARGUMENTS(isocl_unmirror, .id = fuzzer->mirrors[i].id);
		fuzzer->mirrors[i].id = 0;
		return fuzzer->mirrors[i].file ? fuzzer->mirrors[i].file : file;
	case 0x09:
		return choose_submission(fuzzer);
	case 0x0A:
		fuzzer->awaited = next_to_wait_for(file);
		ARGUMENTS(isocl_wait, .sequence = fuzzer->awaited,
			  .deadline = one_in(fuzzer, 2) ? 0 : now() + below(fuzzer, 100000));
		return file;
	case 0x0B:
		ARGUMENTS(isocl_fault, .lost = 0);
		return file;
	default:
		ARGUMENTS(isocl_statistics, .scope = below(fuzzer, 2));
		return file;
	}
}

struct file *choose_arguments(struct fuzzer *fuzzer, unsigned int number)
{
	static const uint32_t sizes[] = { 0, 1, 8, 256, PAGE, PAGE + 1, ~0U };
	struct file *file;

	memset(fuzzer->arguments, 0, 256);
	file = choose_right_arguments(fuzzer, number);
	if (one_in(fuzzer, 12))
		fuzzer->arguments[below(fuzzer, 8)] = wild(fuzzer);
	if (one_in(fuzzer, 24))
		*(uint32_t *)fuzzer->arguments = sizes[below(fuzzer, 7)];
	return file;
}

void learn(struct fuzzer *fuzzer, struct file *file, unsigned int number)
{
	const struct isocl_buffer_create *create = (const void *)fuzzer->arguments;
	const struct isocl_submit *submission = (const void *)fuzzer->arguments;
	const struct isocl_mirror *mirror = (const void *)fuzzer->arguments;
	struct known_buffer *slot = fuzzer->slot;
	uint64_t latest;
	unsigned int i;

	switch (number) {
	case 0x01:
		/* Another thread may have discarded the answer, if it was in a buffer. */
		if (!create->handle || !create->length)
			break;
		if (slot->file) {
			forget_mapping(slot);
			destroy(slot->file->fd, slot->buffer.handle);
		}
		*slot = (struct known_buffer){
			.buffer = { create->handle, create->mmap_offset, create->length, MAP_FAILED },
			.file = file, .flags = create->flags,
		};
		break;
	case 0x02:
		if (slot->file == file)
			slot->file = NULL;
		break;
	case 0x07:
		i = below(fuzzer, KNOWN_MIRRORS);
		if (fuzzer->mirrors[i].id)
			unmirror(fuzzer->mirrors[i].file->fd, fuzzer->mirrors[i].id);
		fuzzer->mirrors[i].file = file;
		fuzzer->mirrors[i].id = mirror->id;
		break;
	case 0x09:
		latest = file->latest;
		while (submission->sequence > latest &&
		       !atomic_compare_exchange_weak(&file->latest, &latest, submission->sequence))
			;
		break;
	}
}
