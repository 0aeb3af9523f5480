// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a buffer, and their presence on either side. A page belongs to the buffer until it
 * is discarded or the buffer goes; CPU and device are both given the same page.
 *
 * Every change is made with buffer.lock held, page faults included: a fault can put no page back
 * that is just being taken away.
 */
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "driver.h"

/* Counts a page before it is there, so that the limit holds whoever else counts just now. */
static bool count_page(struct isocl_file *file)
{
	u64 limit = isocl_device.memory_limit >> PAGE_SHIFT;

	isocl_count(file, pages, 1);
	if (!limit || atomic64_read(&isocl_device.counters.pages) <= limit)
		return true;
	isocl_count(file, pages, -1);
	return false;
}

static struct page *get_page_of(struct isocl_buffer *buffer, unsigned long number)
{
	struct page *page = xa_load(&buffer->pages, number);

	if (page)
		return page;
	if (!count_page(buffer->file))
		return NULL;
	page = alloc_page(GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT | __GFP_NOWARN |
			  __GFP_RETRY_MAYFAIL);
	if (!page)
		goto uncount;
	if (xa_is_err(xa_store(&buffer->pages, number, page, GFP_KERNEL_ACCOUNT))) {
		put_page(page);
		goto uncount;
	}
	buffer->page_count++;
	return page;
uncount:
	isocl_count(buffer->file, pages, -1);
	return NULL;
}

static bool device_owns(struct isocl_buffer *buffer, unsigned long number)
{
	return xa_get_mark(&buffer->pages, number, ISOCL_DEVICE_OWNED);
}

static bool is_accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & (VM_READ | VM_WRITE);
}

static int give_to_device(struct isocl_buffer *buffer, const struct vm_area_struct *vma,
			  unsigned long number, struct page *page)
{
	if (!is_accessible(vma))
		return 0;
	return isocl_table_set(buffer->file, buffer->address + (number << PAGE_SHIFT), page,
			       vma->vm_flags & VM_WRITE);
}

static int give_to_cpu(struct isocl_buffer *buffer, struct vm_area_struct *vma,
		       unsigned long number, struct page *page)
{
	int error = vm_insert_page(vma, vma->vm_start + (number << PAGE_SHIFT), page);

	/* It is there already: another thread's fault was first. */
	return error == -EBUSY ? 0 : error;
}

static void take_from_device(struct isocl_buffer *buffer, unsigned long first, unsigned long count)
{
	unsigned long start = buffer->address + (first << PAGE_SHIFT);

	isocl_table_clear(buffer->file, start, start + (count << PAGE_SHIFT));
}

static void take_from_cpu(struct isocl_buffer *buffer, unsigned long first, unsigned long count)
{
	loff_t start = (loff_t)(isocl_buffer_offset(buffer) + first) << PAGE_SHIFT;

	unmap_mapping_range(&buffer->file->mapping, start, (loff_t)count << PAGE_SHIFT, 1);
}

/* Gives count pages memory and makes them present on both sides; vma is the buffer's mapping. */
int isocl_memory_populate(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			  unsigned long first, unsigned long count)
{
	unsigned long number;

	for (number = first; number < first + count; number++) {
		struct page *page = get_page_of(buffer, number);
		int error;

		if (!page)
			return -ENOMEM;
		if (!device_owns(buffer, number)) {
			error = give_to_cpu(buffer, vma, number, page);
			if (error)
				return error;
		}
		if (!isocl_has_owners(buffer) || device_owns(buffer, number)) {
			error = give_to_device(buffer, vma, number, page);
			if (error)
				return error;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

void isocl_memory_discard(struct isocl_buffer *buffer, unsigned long first, unsigned long count)
{
	unsigned long number;
	struct page *page;

	take_from_device(buffer, first, count);
	take_from_cpu(buffer, first, count);
	xa_for_each_range(&buffer->pages, number, page, first, first + count - 1) {
		xa_erase(&buffer->pages, number);
		put_page(page);
		buffer->page_count--;
		isocl_count(buffer->file, pages, -1);
	}
}

/* Hands pages to the other side. Without owners there is nothing to do: memory is coherent. */
int isocl_memory_hand_over(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			   unsigned long first, unsigned long count, bool to_device)
{
	unsigned long number;
	struct page *page;
	int error;

	if (!isocl_has_owners(buffer))
		return 0;
	if (to_device)
		take_from_cpu(buffer, first, count);
	else
		take_from_device(buffer, first, count);
	xa_for_each_range(&buffer->pages, number, page, first, first + count - 1) {
		if (to_device) {
			xa_set_mark(&buffer->pages, number, ISOCL_DEVICE_OWNED);
			error = give_to_device(buffer, vma, number, page);
		} else {
			xa_clear_mark(&buffer->pages, number, ISOCL_DEVICE_OWNED);
			error = give_to_cpu(buffer, vma, number, page);
		}
		if (error)
			return error;
	}
	return 0;
}

void isocl_memory_leave_device(struct isocl_buffer *buffer)
{
	take_from_device(buffer, 0, buffer->length >> PAGE_SHIFT);
}

/* The last reference is gone, and with it every mapping. */
void isocl_memory_free(struct isocl_buffer *buffer)
{
	unsigned long number;
	struct page *page;

	xa_for_each(&buffer->pages, number, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&buffer->pages);
	isocl_count(buffer->file, pages, -(s64)buffer->page_count);
}

/* ---- faults -------------------------------------------------------------------------------- */

vm_fault_t isocl_memory_cpu_fault(struct vm_fault *fault)
{
	struct vm_area_struct *vma = fault->vma;
	struct isocl_buffer *buffer = vma->vm_private_data;
	unsigned long number = fault->pgoff - isocl_buffer_offset(buffer);
	struct isocl_access access = {
		.address = fault->real_address,
		.write = fault->flags & FAULT_FLAG_WRITE,
	};
	vm_fault_t result = VM_FAULT_SIGBUS;
	u32 reason = ISOCL_FAULT_NO_MEMORY;
	struct page *page;

	mutex_lock(&buffer->lock);
	if (vma->vm_mm != buffer->file->mm) {
		/* A child's copy sees what was there when it was made, and grows no further. */
		page = NULL;
		reason = ISOCL_FAULT_UNMAPPED;
	} else if (device_owns(buffer, number)) {
		page = NULL;
		reason = ISOCL_FAULT_NOT_OWNED;
	} else {
		page = get_page_of(buffer, number);
	}
	if (page && !give_to_cpu(buffer, vma, number, page)) {
		isocl_count(buffer->file, cpu_faults, 1);
		result = VM_FAULT_NOPAGE;
	}
	mutex_unlock(&buffer->lock);
	if (result == VM_FAULT_SIGBUS)
		isocl_fault_record(buffer->file, &access, ISOCL_SIDE_CPU, reason, 0, 0);
	return result;
}

/* Brings a page in for the device, charging the process whose memory it is. mmap_lock is held. */
int isocl_memory_device_fault(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			      const struct isocl_access *access)
{
	unsigned long number = (access->address - vma->vm_start) >> PAGE_SHIFT;
	struct mem_cgroup *group, *previous;
	struct page *page;
	int result = 0;

	if (!is_accessible(vma) || (access->write && !(vma->vm_flags & VM_WRITE)))
		return ISOCL_FAULT_PROTECTION;
	group = get_mem_cgroup_from_mm(buffer->file->mm);
	previous = set_active_memcg(group);
	mutex_lock(&buffer->lock);
	if (vma->vm_start != buffer->address) {
		result = ISOCL_FAULT_UNMAPPED;
	} else if (isocl_has_owners(buffer) && !device_owns(buffer, number)) {
		result = ISOCL_FAULT_NOT_OWNED;
	} else {
		page = get_page_of(buffer, number);
		if (!page || give_to_device(buffer, vma, number, page))
			result = ISOCL_FAULT_NO_MEMORY;
	}
	mutex_unlock(&buffer->lock);
	set_active_memcg(previous);
	mem_cgroup_put(group);
	return result;
}
