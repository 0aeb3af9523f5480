// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mirrors: ranges of the process where the device follows the CPU's page table. A page is put into
 * the device's table when the device touches it, and taken out when the process's mapping of it
 * changes, before the change takes effect.
 */
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>

#include "driver.h"

struct isocl_mirror_range {
	struct list_head node;
	struct mmu_interval_notifier notifier;
	struct isocl_file *file;
	unsigned long start, end;
	u32 id, flags;
};

static bool invalidate(struct mmu_interval_notifier *notifier,
		       const struct mmu_notifier_range *range, unsigned long sequence)
{
	struct isocl_mirror_range *mirror =
		container_of(notifier, struct isocl_mirror_range, notifier);
	struct isocl_file *file = mirror->file;
	unsigned long start = max(range->start, mirror->start);
	unsigned long end = min(range->end, mirror->end);

	if (mmu_notifier_range_blockable(range))
		down_write(&file->table.lock);
	else if (!down_write_trylock(&file->table.lock))
		return false;
	mmu_interval_set_seq(notifier, sequence);
	isocl_table_clear_mirrored(file, start, end);
	up_write(&file->table.lock);
	isocl_count(file, invalidations, 1);
	return true;
}

static const struct mmu_interval_notifier_ops notifier_operations = {
	.invalidate = invalidate,
};

void isocl_mirrors_init(struct isocl_mirrors *mirrors)
{
	mutex_init(&mirrors->lock);
	INIT_LIST_HEAD(&mirrors->list);
}

static struct isocl_mirror_range *find(struct isocl_mirrors *mirrors, unsigned long start,
				       unsigned long end)
{
	struct isocl_mirror_range *mirror;

	list_for_each_entry(mirror, &mirrors->list, node)
		if (start < mirror->end && end > mirror->start)
			return mirror;
	return NULL;
}

/* Why hmm_range_fault refused, told apart by what is mapped there. */
static int reason_of(int error, bool mapped)
{
	switch (error) {
	case -EFAULT:
		return mapped ? ISOCL_FAULT_PROTECTION : ISOCL_FAULT_UNMAPPED;
	case -EPERM:
		return ISOCL_FAULT_PROTECTION;
	case -ENOMEM:
		return ISOCL_FAULT_NO_MEMORY;
	default:
		return error;
	}
}

/* One try: -EBUSY when the process's mapping changed meanwhile. mirrors.lock is held. */
static int bring_in(struct isocl_mirror_range *mirror, const struct isocl_access *access)
{
	struct isocl_file *file = mirror->file;
	unsigned long frame = 0, page_start = access->address & PAGE_MASK;
	struct hmm_range range = {
		.notifier = &mirror->notifier,
		.start = page_start,
		.end = page_start + PAGE_SIZE,
		.hmm_pfns = &frame,
		.default_flags = HMM_PFN_REQ_FAULT | (access->write ? HMM_PFN_REQ_WRITE : 0),
	};
	struct vm_area_struct *vma;
	struct page *page;
	bool mapped, write;
	int error;

	error = isocl_table_reserve(file, page_start);
	if (error)
		return ISOCL_FAULT_NO_MEMORY;
	range.notifier_seq = mmu_interval_read_begin(&mirror->notifier);
	mmap_read_lock(file->mm);
	vma = find_vma(file->mm, page_start);
	mapped = vma && vma->vm_start <= page_start;
	/* A buffer may have appeared since isocl_device_fault looked; it is not to be mirrored. */
	if (mapped && vma->vm_ops == &isocl_buffer_operations && vma->vm_file->private_data == file)
		error = -EBUSY;
	else
		error = hmm_range_fault(&range);
	mmap_read_unlock(file->mm);
	if (error == -EBUSY)
		return error;
	if (error)
		return reason_of(error, mapped);

	down_read(&file->table.lock);
	if (mmu_interval_read_retry(&mirror->notifier, range.notifier_seq)) {
		up_read(&file->table.lock);
		return -EBUSY;
	}
	page = hmm_pfn_to_page(frame);
	write = (frame & HMM_PFN_WRITE) && !(mirror->flags & ISOCL_MIRROR_READ_ONLY);
	/*
	 * The device leaves no dirty bit behind, and clean pages may be dropped. A file's page is
	 * dirty already if the CPU may write to it; anonymous and shared memory need not be.
	 */
	if (write && (PageAnon(page) || folio_test_swapbacked(page_folio(page))))
		set_page_dirty(page);
	error = isocl_table_set_mirrored(file, page_start, page, write);
	up_read(&file->table.lock);
	return error ? ISOCL_FAULT_NO_MEMORY : 0;
}

int isocl_mirror_device_fault(struct isocl_file *file, const struct isocl_access *access)
{
	struct isocl_mirrors *mirrors = &file->mirrors;
	struct isocl_mirror_range *mirror;
	int result;

	mutex_lock(&mirrors->lock);
	mirror = find(mirrors, access->address, access->address + 1);
	if (!mirror)
		result = ISOCL_FAULT_UNMAPPED;
	else if (access->write && (mirror->flags & ISOCL_MIRROR_READ_ONLY))
		result = ISOCL_FAULT_PROTECTION;
	else
		result = bring_in(mirror, access);
	if (result)
		/* A room that was reserved and not used is no entry; take it back. */
		xa_release(&file->table.entries, access->address >> PAGE_SHIFT);
	mutex_unlock(&mirrors->lock);
	return result == -EBUSY ? 0 : result;
}

static void destroy(struct isocl_mirror_range *mirror)
{
	struct isocl_file *file = mirror->file;

	mmu_interval_notifier_remove(&mirror->notifier);
	down_write(&file->table.lock);
	isocl_table_clear_mirrored(file, mirror->start, mirror->end);
	up_write(&file->table.lock);
	list_del(&mirror->node);
	isocl_count(file, mirrors, -1);
	kfree(mirror);
}

long isocl_mirror_create(struct isocl_file *file, void __user *user)
{
	struct isocl_mirrors *mirrors = &file->mirrors;
	struct isocl_mirror_range *mirror;
	struct isocl_mirror asked;
	u64 reach = min_t(u64, 1ULL << isocl_device.address_bits, TASK_SIZE_MAX);
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if ((asked.flags & ~ISOCL_MIRROR_READ_ONLY) || asked.pad)
		return -EINVAL;
	if (!asked.start && !asked.length) {
		/* Addresses above need more bits only if the process asks for them itself. */
		if (reach < DEFAULT_MAP_WINDOW)
			return -ERANGE;
		asked.length = reach;
	}
	if (!asked.length || !PAGE_ALIGNED(asked.start) || !PAGE_ALIGNED(asked.length))
		return -EINVAL;
	if (asked.start > reach || asked.length > reach - asked.start)
		return -ERANGE;

	mirror = kzalloc(sizeof(*mirror), GFP_KERNEL_ACCOUNT);
	if (!mirror)
		return -ENOMEM;
	mirror->file = file;
	mirror->start = asked.start;
	mirror->end = asked.start + asked.length;
	mirror->flags = asked.flags;

	mutex_lock(&mirrors->lock);
	if (find(mirrors, mirror->start, mirror->end))
		error = -EEXIST;
	else if (mirrors->last_id == U32_MAX)
		error = -ENOSPC;
	else
		error = mmu_interval_notifier_insert(&mirror->notifier, file->mm, mirror->start,
						     asked.length, &notifier_operations);
	if (error) {
		mutex_unlock(&mirrors->lock);
		kfree(mirror);
		return error;
	}
	asked.id = mirror->id = ++mirrors->last_id;
	list_add(&mirror->node, &mirrors->list);
	isocl_count(file, mirrors, 1);
	error = isocl_copy_to_user(user, &asked, sizeof(asked));
	if (error)
		destroy(mirror);
	mutex_unlock(&mirrors->lock);
	return error;
}

long isocl_mirror_destroy(struct isocl_file *file, void __user *user)
{
	struct isocl_mirrors *mirrors = &file->mirrors;
	struct isocl_mirror_range *mirror;
	struct isocl_unmirror asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	error = -ENOENT;
	mutex_lock(&mirrors->lock);
	list_for_each_entry(mirror, &mirrors->list, node) {
		if (mirror->id == asked.id) {
			destroy(mirror);
			error = 0;
			break;
		}
	}
	mutex_unlock(&mirrors->lock);
	return error;
}

void isocl_mirrors_release(struct isocl_file *file)
{
	struct isocl_mirror_range *mirror, *next;

	mutex_lock(&file->mirrors.lock);
	list_for_each_entry_safe(mirror, next, &file->mirrors.list, node)
		destroy(mirror);
	mutex_unlock(&file->mirrors.lock);
}
