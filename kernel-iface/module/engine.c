// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of an open file: a thread that runs submissions one after the other. A submission that
 * failed is kept until its failure has been told.
 */
#include <linux/kthread.h>
#include <linux/slab.h>

#include "driver.h"

struct submission {
	struct list_head node;
	u64 sequence;
	int status;
	unsigned int count;
	struct {
		struct isocl_op op;
		u8 data[ISOCL_MAX_DATA];
	} operations[];
};

void isocl_engine_init(struct isocl_engine *engine)
{
	mutex_init(&engine->start);
	spin_lock_init(&engine->lock);
	INIT_LIST_HEAD(&engine->queued);
	INIT_LIST_HEAD(&engine->failed);
	init_waitqueue_head(&engine->work);
	init_waitqueue_head(&engine->done);
}

/* ---- the thread ---------------------------------------------------------------------------- */

static int run(struct isocl_file *file, struct submission *submission)
{
	unsigned int i;
	int result;

	for (i = 0; i < submission->count; i++) {
		struct isocl_access access = {};

		result = isocl_operation_run(file, &submission->operations[i].op,
					     submission->operations[i].data, &access);
		if (result > 0) {
			isocl_fault_record(file, &access, ISOCL_SIDE_DEVICE, result,
					   submission->sequence, i);
			return -EFAULT;
		}
		if (result)
			return result;
	}
	return 0;
}

static struct submission *first_queued(struct isocl_engine *engine)
{
	struct submission *first;

	spin_lock(&engine->lock);
	first = list_first_entry_or_null(&engine->queued, struct submission, node);
	spin_unlock(&engine->lock);
	return first;
}

static void finish(struct isocl_file *file, struct submission *submission)
{
	struct isocl_engine *engine = &file->engine;

	spin_lock(&engine->lock);
	list_del(&submission->node);
	engine->completed = submission->sequence;
	if (submission->status) {
		list_add_tail(&submission->node, &engine->failed);
		submission = NULL;
	} else {
		engine->pending--;
		isocl_count(file, submissions, -1);
	}
	spin_unlock(&engine->lock);
	kvfree(submission);
	wake_up_all(&engine->done);
}

static int engine_thread(void *data)
{
	struct isocl_file *file = data;
	struct isocl_engine *engine = &file->engine;
	struct submission *submission;

	while (!kthread_should_stop()) {
		wait_event_interruptible(engine->work,
					 !list_empty_careful(&engine->queued) ||
					 kthread_should_stop());
		while (!READ_ONCE(engine->stopped) && (submission = first_queued(engine))) {
			submission->status = run(file, submission);
			finish(file, submission);
		}
	}
	return 0;
}

/* Most files never submit anything and get no thread. */
static int start(struct isocl_file *file)
{
	struct isocl_engine *engine = &file->engine;
	struct task_struct *thread;
	int error = 0;

	mutex_lock(&engine->start);
	if (!engine->thread) {
		thread = kthread_run(engine_thread, file, "isocl");
		if (IS_ERR(thread))
			error = PTR_ERR(thread);
		else
			engine->thread = thread;
	}
	mutex_unlock(&engine->start);
	return error;
}

/* ---- calls --------------------------------------------------------------------------------- */

static int copy_operation(struct submission *submission, unsigned int i, u64 ops, u32 op_size)
{
	struct isocl_op *op = &submission->operations[i].op;
	int error = copy_struct_from_user(op, sizeof(*op), u64_to_user_ptr(ops + (u64)i * op_size),
					  op_size);

	if (!error)
		error = isocl_operation_check(op);
	if (!error && op->data_length &&
	    copy_from_user(submission->operations[i].data, u64_to_user_ptr(op->data),
			   op->data_length))
		error = -EFAULT;
	return error;
}

static struct submission *copy_submission(const struct isocl_submit *asked)
{
	struct submission *submission;
	unsigned int i;
	int error = 0;

	submission = kvzalloc(struct_size(submission, operations, asked->count),
			      GFP_KERNEL_ACCOUNT);
	if (!submission)
		return ERR_PTR(-ENOMEM);
	submission->count = asked->count;
	for (i = 0; i < asked->count && !error; i++)
		error = copy_operation(submission, i, asked->ops, asked->op_size);
	if (error) {
		kvfree(submission);
		return ERR_PTR(error);
	}
	return submission;
}

long isocl_engine_submit(struct isocl_file *file, void __user *user)
{
	struct isocl_engine *engine = &file->engine;
	struct submission *submission;
	struct isocl_submit asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if (!asked.count || asked.count > ISOCL_MAX_OPS || asked.pad ||
	    asked.op_size < sizeof(struct isocl_op))
		return -EINVAL;
	if (asked.op_size > PAGE_SIZE)
		return -E2BIG;
	error = start(file);
	if (error)
		return error;
	submission = copy_submission(&asked);
	if (IS_ERR(submission))
		return PTR_ERR(submission);

	spin_lock(&engine->lock);
	if (engine->pending == ISOCL_MAX_PENDING) {
		spin_unlock(&engine->lock);
		kvfree(submission);
		return -EAGAIN;
	}
	engine->pending++;
	isocl_count(file, submissions, 1);
	asked.sequence = submission->sequence = ++engine->submitted;
	list_add_tail(&submission->node, &engine->queued);
	spin_unlock(&engine->lock);
	wake_up(&engine->work);
	/* It runs, whether or not the number can be told: faults name it. */
	return isocl_copy_to_user(user, &asked, sizeof(asked));
}

static bool is_completed(struct isocl_engine *engine, u64 sequence)
{
	bool completed;

	spin_lock(&engine->lock);
	completed = engine->completed >= sequence;
	spin_unlock(&engine->lock);
	return completed;
}

static int wait_until(struct isocl_engine *engine, u64 sequence, u64 deadline)
{
	u64 now = ktime_get_ns();
	long result;

	if (is_completed(engine, sequence))
		return 0;
	if (deadline <= now)
		return -ETIMEDOUT;
	if (deadline > KTIME_MAX)
		return wait_event_interruptible(engine->done, is_completed(engine, sequence));
	result = wait_event_interruptible_hrtimeout(engine->done, is_completed(engine, sequence),
						    ns_to_ktime(deadline - now));
	return result == -ETIME ? -ETIMEDOUT : result;
}

/* The status of a completed submission; a failure is forgotten when it is told. */
static int take_status(struct isocl_file *file, u64 sequence)
{
	struct isocl_engine *engine = &file->engine;
	struct submission *failed, *found = NULL;
	int status = 0;

	spin_lock(&engine->lock);
	list_for_each_entry(failed, &engine->failed, node) {
		if (failed->sequence == sequence) {
			found = failed;
			status = failed->status;
			list_del(&failed->node);
			engine->pending--;
			isocl_count(file, submissions, -1);
			break;
		}
	}
	spin_unlock(&engine->lock);
	kvfree(found);
	return status;
}

long isocl_engine_wait(struct isocl_file *file, void __user *user)
{
	struct isocl_engine *engine = &file->engine;
	struct isocl_wait asked;
	u64 submitted;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	spin_lock(&engine->lock);
	submitted = engine->submitted;
	spin_unlock(&engine->lock);
	if (!asked.sequence || asked.sequence > submitted)
		return -EINVAL;
	error = wait_until(engine, asked.sequence, asked.deadline);
	if (error)
		return error;
	asked.status = take_status(file, asked.sequence);
	return isocl_copy_to_user(user, &asked, sizeof(asked));
}

static void free_list(struct isocl_file *file, struct list_head *list)
{
	struct submission *submission, *next;

	list_for_each_entry_safe(submission, next, list, node) {
		list_del(&submission->node);
		isocl_count(file, submissions, -1);
		kvfree(submission);
	}
}

/* Nobody can call any more: the file is closed. What runs ends within a page's work. */
void isocl_engine_release(struct isocl_file *file)
{
	struct isocl_engine *engine = &file->engine;

	WRITE_ONCE(engine->stopped, true);
	if (engine->thread) {
		wake_up_all(&engine->work);
		kthread_stop(engine->thread);
	}
	free_list(file, &engine->queued);
	free_list(file, &engine->failed);
}
