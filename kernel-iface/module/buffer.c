// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: handles, and the one mapping that gives a buffer its address. */
#include <linux/mman.h>
#include <linux/slab.h>

#include "compat.h"
#include "driver.h"

static void release(struct kref *references)
{
	struct isocl_buffer *buffer = container_of(references, struct isocl_buffer, references);

	isocl_memory_free(buffer);
	isocl_count(buffer->file, buffers, -1);
	mutex_destroy(&buffer->lock);
	kfree(buffer);
}

void isocl_buffer_put(struct isocl_buffer *buffer)
{
	kref_put(&buffer->references, release);
}

static struct isocl_buffer *buffer_of_handle(struct isocl_file *file, u32 handle)
{
	struct isocl_buffer *buffer;

	xa_lock(&file->buffers);
	buffer = xa_load(&file->buffers, handle);
	if (buffer)
		kref_get(&buffer->references);
	xa_unlock(&file->buffers);
	return buffer;
}

/* The buffer that begins at a page offset of the file. */
struct isocl_buffer *isocl_buffer_of_offset(struct isocl_file *file, unsigned long offset)
{
	if (offset & ((1UL << ISOCL_HANDLE_SHIFT) - 1) ||
	    offset >> ISOCL_HANDLE_SHIFT > ISOCL_MAX_HANDLE)
		return NULL;
	return buffer_of_handle(file, offset >> ISOCL_HANDLE_SHIFT);
}

/* ---- the mapping --------------------------------------------------------------------------- */

/* Whether vma is what gives the buffer its address, not a copy in a child or in mremap's hands. */
static bool is_home(const struct isocl_buffer *buffer, const struct vm_area_struct *vma)
{
	return vma->vm_mm == buffer->file->mm && vma->vm_start == buffer->address;
}

static void open_mapping(struct vm_area_struct *vma)
{
	struct isocl_buffer *buffer = vma->vm_private_data;

	kref_get(&buffer->references);
}

/*
 * The device leaves when the mapping of the owning process goes, whoever else may still have a
 * copy of it (a child after MADV_DOFORK).
 */
static void close_mapping(struct vm_area_struct *vma)
{
	struct isocl_buffer *buffer = vma->vm_private_data;

	mutex_lock(&buffer->lock);
	if (is_home(buffer, vma)) {
		isocl_memory_leave_device(buffer);
		buffer->address = 0;
	}
	mutex_unlock(&buffer->lock);
	isocl_buffer_put(buffer);
}

/* A part of a buffer has no identity of its own. */
static int refuse_split(struct vm_area_struct *vma, unsigned long address)
{
	return -EINVAL;
}

static int refuse_move(struct vm_area_struct *vma)
{
	return -EINVAL;
}

/* The device forgets what it was allowed, and learns the new protection when it comes again. */
static int follow_protection(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			     unsigned long flags)
{
	struct isocl_buffer *buffer = vma->vm_private_data;

	if (start != vma->vm_start || end != vma->vm_end)
		return -EINVAL;
	mutex_lock(&buffer->lock);
	if (is_home(buffer, vma))
		isocl_memory_leave_device(buffer);
	mutex_unlock(&buffer->lock);
	return 0;
}

const struct vm_operations_struct isocl_buffer_operations = {
	.open = open_mapping,
	.close = close_mapping,
	.may_split = refuse_split,
	.mremap = refuse_move,
	.mprotect = follow_protection,
	.fault = isocl_memory_cpu_fault,
};

int isocl_buffer_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct isocl_file *isocl = file->private_data;
	struct isocl_buffer *buffer;
	int error;

	if (vma->vm_mm != isocl->mm)
		return -EXDEV;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	buffer = isocl_buffer_of_offset(isocl, vma->vm_pgoff);
	if (!buffer)
		return -EINVAL;
	error = -EINVAL;
	if (vma->vm_end - vma->vm_start != buffer->length ||
	    !isocl_is_legal(vma->vm_start, buffer->length))
		goto put;

	mutex_lock(&buffer->lock);
	error = buffer->destroyed ? -EINVAL : buffer->address ? -EBUSY : 0;
	if (!error) {
		vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_MIXEDMAP);
		buffer->address = vma->vm_start;
		if (!isocl_is_lazy(buffer))
			error = isocl_memory_populate(buffer, vma, 0,
						      buffer->length >> PAGE_SHIFT);
		if (error) {
			isocl_memory_leave_device(buffer);
			buffer->address = 0;
		}
	}
	mutex_unlock(&buffer->lock);
	if (error)
		goto put;
	vma->vm_private_data = buffer;
	vma->vm_ops = &isocl_buffer_operations;
	return 0;
put:
	isocl_buffer_put(buffer);
	return error;
}

/* ---- calls --------------------------------------------------------------------------------- */

long isocl_buffer_create(struct isocl_file *file, void __user *user)
{
	struct isocl_buffer_create asked;
	struct isocl_buffer *buffer;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if ((asked.flags & ~(ISOCL_BUFFER_LAZY | ISOCL_BUFFER_OWNERSHIP)) ||
	    asked.flags == (ISOCL_BUFFER_LAZY | ISOCL_BUFFER_OWNERSHIP) ||
	    !asked.length || asked.length > ISOCL_MAX_LENGTH || !PAGE_ALIGNED(asked.length) ||
	    asked.alignment > ISOCL_MAX_LENGTH || (asked.alignment & (asked.alignment - 1)) ||
	    asked.pad)
		return -EINVAL;

	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return -ENOMEM;
	kref_init(&buffer->references);
	mutex_init(&buffer->lock);
	xa_init(&buffer->pages);
	buffer->file = file;
	buffer->flags = asked.flags;
	buffer->length = asked.length;
	buffer->alignment = max_t(u64, asked.alignment, PAGE_SIZE);
	isocl_count(file, buffers, 1);

	/* The extra reference keeps the buffer while user space, who may guess, knows its handle. */
	kref_get(&buffer->references);
	error = xa_alloc_cyclic(&file->buffers, &buffer->handle, buffer,
				XA_LIMIT(1, ISOCL_MAX_HANDLE), &file->next_handle,
				GFP_KERNEL_ACCOUNT);
	if (error < 0) {
		isocl_buffer_put(buffer);
		goto put;
	}
	asked.handle = buffer->handle;
	asked.mmap_offset = isocl_buffer_offset(buffer) << PAGE_SHIFT;
	error = isocl_copy_to_user(user, &asked, sizeof(asked));
	if (error && xa_cmpxchg(&file->buffers, asked.handle, buffer, NULL, 0) == buffer)
		isocl_buffer_put(buffer);
	/* Whoever guessed the handle may have destroyed it already, or mapped it: it stays then. */
put:
	isocl_buffer_put(buffer);
	return error == -EBUSY ? -ENOSPC : error;
}

long isocl_buffer_destroy(struct isocl_file *file, void __user *user)
{
	struct isocl_buffer_destroy asked;
	struct isocl_buffer *buffer;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	buffer = buffer_of_handle(file, asked.handle);
	if (!buffer)
		return -ENOENT;
	mutex_lock(&buffer->lock);
	if (buffer->address) {
		error = -EBUSY;
	} else if (buffer->destroyed) {
		error = -ENOENT;
	} else {
		buffer->destroyed = true;
		xa_erase(&file->buffers, asked.handle);
	}
	mutex_unlock(&buffer->lock);
	if (!error)
		isocl_buffer_put(buffer);
	isocl_buffer_put(buffer);
	return error;
}

/* The mapping that gives a buffer of this file an address around address; mmap_lock is held. */
static struct vm_area_struct *mapping_at(struct isocl_file *file, unsigned long address)
{
	struct vm_area_struct *vma = find_vma(file->mm, address);

	if (!vma || vma->vm_start > address || vma->vm_ops != &isocl_buffer_operations ||
	    vma->vm_file->private_data != file)
		return NULL;
	return vma;
}

long isocl_buffer_info(struct isocl_file *file, void __user *user)
{
	struct isocl_buffer_info asked;
	struct isocl_buffer *buffer = NULL;
	struct vm_area_struct *vma;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if (asked.pad)
		return -EINVAL;
	if (asked.handle) {
		buffer = buffer_of_handle(file, asked.handle);
	} else {
		mmap_read_lock(file->mm);
		vma = mapping_at(file, asked.address);
		if (vma) {
			buffer = vma->vm_private_data;
			kref_get(&buffer->references);
		}
		mmap_read_unlock(file->mm);
	}
	if (!buffer)
		return -ENOENT;
	mutex_lock(&buffer->lock);
	asked.handle = buffer->handle;
	asked.address = buffer->address;
	asked.length = buffer->length;
	asked.pages = buffer->page_count;
	asked.flags = buffer->flags;
	mutex_unlock(&buffer->lock);
	isocl_buffer_put(buffer);
	return isocl_copy_to_user(user, &asked, sizeof(asked));
}

/* Pages that are worked on before others may have the locks. */
#define BATCH 512

enum part_work { POPULATE, DISCARD, TO_DEVICE, TO_CPU };

/* mmap_lock is held; the mapping is looked for anew because it may go between two batches. */
static int work_on_batch(struct isocl_buffer *buffer, enum part_work work, unsigned long first,
			 unsigned long count)
{
	struct vm_area_struct *vma;
	int error = -EINVAL;

	mutex_lock(&buffer->lock);
	vma = buffer->address ? mapping_at(buffer->file, buffer->address) : NULL;
	if (vma && vma->vm_private_data == buffer) {
		error = 0;
		if (work == POPULATE)
			error = isocl_memory_populate(buffer, vma, first, count);
		else if (work == DISCARD)
			isocl_memory_discard(buffer, first, count);
		else
			error = isocl_memory_hand_over(buffer, vma, first, count,
						       work == TO_DEVICE);
	}
	mutex_unlock(&buffer->lock);
	return error;
}

static int work_on_part(struct isocl_file *file, u32 handle, u64 offset, u64 length,
			enum part_work work)
{
	struct isocl_buffer *buffer = buffer_of_handle(file, handle);
	unsigned long first = offset >> PAGE_SHIFT, end, count;
	bool needs_lazy = work == POPULATE || work == DISCARD;
	int error = -EINVAL;

	if (!buffer)
		return -ENOENT;
	if (!PAGE_ALIGNED(offset) || !PAGE_ALIGNED(length) || !length ||
	    offset > buffer->length || length > buffer->length - offset ||
	    (needs_lazy && !isocl_is_lazy(buffer)))
		goto put;
	for (end = first + (length >> PAGE_SHIFT); first < end; first += count) {
		count = min_t(unsigned long, end - first, BATCH);
		mmap_read_lock(file->mm);
		error = work_on_batch(buffer, work, first, count);
		mmap_read_unlock(file->mm);
		if (!error && fatal_signal_pending(current))
			error = -EINTR;
		if (error)
			break;
		cond_resched();
	}
put:
	isocl_buffer_put(buffer);
	return error;
}

static long work_on_asked_part(struct isocl_file *file, void __user *user, enum part_work work)
{
	struct isocl_buffer_part asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	return error ? error
		     : work_on_part(file, asked.handle, asked.offset, asked.length, work);
}

long isocl_buffer_populate(struct isocl_file *file, void __user *user)
{
	return work_on_asked_part(file, user, POPULATE);
}

long isocl_buffer_discard(struct isocl_file *file, void __user *user)
{
	return work_on_asked_part(file, user, DISCARD);
}

long isocl_buffer_sync(struct isocl_file *file, void __user *user)
{
	struct isocl_sync asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if (asked.pad ||
	    (asked.direction != ISOCL_SYNC_TO_DEVICE && asked.direction != ISOCL_SYNC_TO_CPU))
		return -EINVAL;
	return work_on_part(file, asked.handle, asked.offset, asked.length,
			    asked.direction == ISOCL_SYNC_TO_DEVICE ? TO_DEVICE : TO_CPU);
}

/* The file is closed, so that no mapping is left. */
void isocl_buffers_release(struct isocl_file *file)
{
	struct isocl_buffer *buffer;
	unsigned long handle;

	xa_for_each(&file->buffers, handle, buffer)
		isocl_buffer_put(buffer);
	xa_destroy(&file->buffers);
}
