// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's operations. The device reaches memory through its page table and nothing else, page
 * by page, so that it sees what a device sees and not what the CPU sees.
 */
#include <linux/crc32.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "driver.h"

/* Repetitions of an atomic operation before others may have the page table. */
#define ATOMIC_BATCH 256

/* ---- what SUBMIT refuses ------------------------------------------------------------------- */

static bool wraps(u64 start, u64 length)
{
	u64 end;

	return check_add_overflow(start, length, &end);
}

/* Whether all fields but the ones in used, which are set to 0, are 0. */
#define ONLY(operation, ...)                                                       \
	({                                                                         \
		struct isocl_op rest = *(operation);                               \
		__VA_ARGS__;                                                       \
		rest.opcode = 0;                                                   \
		!memchr_inv(&rest, 0, sizeof(rest));                               \
	})
#define USED(field) (rest.field = 0)

static int check_width(const struct isocl_op *operation)
{
	return operation->width == 4 || operation->width == 8 ? 0 : -EINVAL;
}

int isocl_operation_check(const struct isocl_op *op)
{
	switch (op->opcode) {
	case ISOCL_OP_FILL:
		if (!ONLY(op, USED(destination), USED(length), USED(data),
			  USED(data_length)) ||
		    !op->data_length || op->data_length > ISOCL_MAX_DATA)
			return -EINVAL;
		return wraps(op->destination, op->length) ? -EINVAL : 0;
	case ISOCL_OP_COPY:
		if (!ONLY(op, USED(destination), USED(source), USED(length)) ||
		    wraps(op->destination, op->length) || wraps(op->source, op->length))
			return -EINVAL;
		return op->length && op->destination < op->source + op->length &&
		       op->source < op->destination + op->length ? -EINVAL : 0;
	case ISOCL_OP_ATOMIC:
		if (!ONLY(op, USED(destination), USED(source), USED(length),
			  USED(function), USED(width), USED(operand), USED(compare)) ||
		    op->function > ISOCL_ATOMIC_COMPARE_EXCHANGE ||
		    (op->compare && op->function != ISOCL_ATOMIC_COMPARE_EXCHANGE))
			return -EINVAL;
		return check_width(op);
	case ISOCL_OP_CHASE:
		return ONLY(op, USED(destination), USED(source), USED(length),
			    USED(operand), USED(compare)) ? 0 : -EINVAL;
	case ISOCL_OP_CHECKSUM:
		if (!ONLY(op, USED(destination), USED(source), USED(length)))
			return -EINVAL;
		return wraps(op->source, op->length) ? -EINVAL : 0;
	case ISOCL_OP_DELAY:
		return ONLY(op, USED(length)) && op->length <= ISOCL_MAX_DELAY ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* ---- reaching memory ----------------------------------------------------------------------- */

/*
 * Finds the pages of one or two accesses. On success table.lock is held for reading, and at tells
 * where the bytes are; let_go releases it. On failure, failed is the access that could not be.
 */
static int hold(struct isocl_file *file, const struct isocl_access *wanted, unsigned int count,
		u8 **at, struct isocl_access *failed)
{
	struct isocl_page_table *table = &file->table;
	unsigned int i;
	int result;

	for (;;) {
		if (READ_ONCE(file->engine.stopped))
			return -ECANCELED;
		cond_resched();
		down_read(&table->lock);
		for (i = 0; i < count; i++) {
			at[i] = isocl_table_look_up(table, wanted[i].address, wanted[i].write);
			if (!at[i])
				break;
		}
		if (i == count)
			return 0;
		up_read(&table->lock);
		result = isocl_device_fault(file, &wanted[i]);
		if (result) {
			*failed = wanted[i];
			return result;
		}
	}
}

static void let_go(struct isocl_file *file)
{
	up_read(&file->table.lock);
}

static u64 rest_of_page(u64 address)
{
	return PAGE_SIZE - offset_in_page(address);
}

/* Loads or stores one aligned word of 4 or 8 bytes. */
static int move_word(struct isocl_file *file, u64 address, u64 *value, unsigned int width,
		     bool write, struct isocl_access *access)
{
	const struct isocl_access wanted = { .address = address, .write = write };
	u8 *at;
	int result;

	if (!IS_ALIGNED(address, width)) {
		*access = wanted;
		return ISOCL_FAULT_MISALIGNED;
	}
	result = hold(file, &wanted, 1, &at, access);
	if (result)
		return result;
	if (write && width == 4)
		WRITE_ONCE(*(u32 *)at, *value);
	else if (write)
		WRITE_ONCE(*(u64 *)at, *value);
	else
		*value = width == 4 ? READ_ONCE(*(u32 *)at) : READ_ONCE(*(u64 *)at);
	let_go(file);
	return 0;
}

static int store(struct isocl_file *file, u64 address, u64 value, unsigned int width,
		 struct isocl_access *access)
{
	return move_word(file, address, &value, width, true, access);
}

/* ---- the operations ------------------------------------------------------------------------ */

static int fill(struct isocl_file *file, const struct isocl_op *op, const u8 *data,
		struct isocl_access *access)
{
	/* Whole repetitions in one block, so that a page takes few copies. */
	unsigned int block_length = PAGE_SIZE - PAGE_SIZE % op->data_length, i;
	u8 *block = kmalloc(block_length, GFP_KERNEL_ACCOUNT);
	u64 done, n;
	int result = 0;

	if (!block)
		return -ENOMEM;
	for (i = 0; i < block_length; i++)
		block[i] = data[i % op->data_length];
	for (done = 0; done < op->length && !result; done += n) {
		const struct isocl_access wanted = { op->destination + done, true };
		unsigned int phase = done % block_length;
		u8 *at;

		n = min3(op->length - done, rest_of_page(wanted.address),
			 (u64)(block_length - phase));
		result = hold(file, &wanted, 1, &at, access);
		if (!result) {
			memcpy(at, block + phase, n);
			let_go(file);
		}
	}
	kfree(block);
	return result;
}

static int copy(struct isocl_file *file, const struct isocl_op *op, struct isocl_access *access)
{
	u64 done, n;

	for (done = 0; done < op->length; done += n) {
		const struct isocl_access wanted[] = {
			{ op->source + done, false },
			{ op->destination + done, true },
		};
		u8 *at[2];
		int result = hold(file, wanted, 2, at, access);

		if (result)
			return result;
		n = min3(op->length - done, rest_of_page(wanted[0].address),
			 rest_of_page(wanted[1].address));
		memcpy(at[1], at[0], n);
		let_go(file);
	}
	return 0;
}

static u64 apply(const struct isocl_op *op, u64 old)
{
	switch (op->function) {
	case ISOCL_ATOMIC_ADD:
		return old + op->operand;
	case ISOCL_ATOMIC_SUB:
		return old - op->operand;
	case ISOCL_ATOMIC_AND:
		return old & op->operand;
	case ISOCL_ATOMIC_OR:
		return old | op->operand;
	case ISOCL_ATOMIC_XOR:
		return old ^ op->operand;
	case ISOCL_ATOMIC_MIN:
		return min(old, op->operand);
	case ISOCL_ATOMIC_MAX:
		return max(old, op->operand);
	case ISOCL_ATOMIC_EXCHANGE:
		return op->operand;
	default:
		return old == op->compare ? op->operand : old;
	}
}

/* Returns the value before; the CPU may change the word at any time. */
static u64 do_atomic(const struct isocl_op *op, u8 *at)
{
	u64 old, seen;

	if (op->width == 4) {
		seen = READ_ONCE(*(u32 *)at);
		do {
			old = seen;
			seen = cmpxchg((u32 *)at, (u32)old, (u32)apply(op, old));
		} while (seen != old);
	} else {
		seen = READ_ONCE(*(u64 *)at);
		do {
			old = seen;
			seen = cmpxchg((u64 *)at, old, apply(op, old));
		} while (seen != old);
	}
	return old;
}

static int atomic(struct isocl_file *file, const struct isocl_op *asked,
		  struct isocl_access *access)
{
	const struct isocl_access wanted = { asked->destination, true };
	struct isocl_op op = *asked;
	u64 done = 0, old = 0;
	u8 *at;
	int result;

	if (op.width == 4) {
		op.operand = (u32)op.operand;
		op.compare = (u32)op.compare;
	}
	if (!IS_ALIGNED(op.destination, op.width)) {
		*access = wanted;
		return ISOCL_FAULT_MISALIGNED;
	}
	while (done < op.length) {
		u64 end = done + min_t(u64, op.length - done, ATOMIC_BATCH);

		result = hold(file, &wanted, 1, &at, access);
		if (result)
			return result;
		for (; done < end; done++)
			old = do_atomic(&op, at);
		let_go(file);
	}
	if (!op.source || !op.length)
		return 0;
	return store(file, op.source, old, op.width, access);
}

static int chase(struct isocl_file *file, const struct isocl_op *op, struct isocl_access *access)
{
	u64 node = op->source, last = 0, sum = 0, nodes = 0, value, next;
	int result;

	while (node && nodes < op->length) {
		result = move_word(file, node + op->operand, &value, 8, false, access);
		if (!result)
			result = move_word(file, node + op->compare, &next, 8, false, access);
		if (result)
			return result;
		sum += value;
		nodes++;
		last = node;
		node = next;
	}
	result = store(file, op->destination, sum, 8, access);
	if (!result)
		result = store(file, op->destination + 8, nodes, 8, access);
	if (!result)
		result = store(file, op->destination + 16, last, 8, access);
	return result;
}

static int checksum(struct isocl_file *file, const struct isocl_op *op,
		    struct isocl_access *access)
{
	u32 sum = ~0U;
	u64 done, n;

	for (done = 0; done < op->length; done += n) {
		const struct isocl_access wanted = { op->source + done, false };
		u8 *at;
		int result = hold(file, &wanted, 1, &at, access);

		if (result)
			return result;
		n = min(op->length - done, rest_of_page(wanted.address));
		sum = crc32_le(sum, at, n);
		let_go(file);
	}
	return store(file, op->destination, ~sum, 8, access);
}

static int delay(struct isocl_file *file, const struct isocl_op *op)
{
	struct isocl_engine *engine = &file->engine;

	/* Only the end of the engine wakes it early. */
	wait_event_interruptible_hrtimeout(engine->work, READ_ONCE(engine->stopped),
					   ns_to_ktime(op->length));
	return READ_ONCE(engine->stopped) ? -ECANCELED : 0;
}

int isocl_operation_run(struct isocl_file *file, const struct isocl_op *op, const u8 *data,
			struct isocl_access *access)
{
	switch (op->opcode) {
	case ISOCL_OP_FILL:
		return fill(file, op, data, access);
	case ISOCL_OP_COPY:
		return copy(file, op, access);
	case ISOCL_OP_ATOMIC:
		return atomic(file, op, access);
	case ISOCL_OP_CHASE:
		return chase(file, op, access);
	case ISOCL_OP_CHECKSUM:
		return checksum(file, op, access);
	default:
		return delay(file, op);
	}
}
