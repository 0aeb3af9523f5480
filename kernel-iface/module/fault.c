// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of the device, and the records of those that nothing could serve. */
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>

#include "driver.h"

void isocl_faults_init(struct isocl_faults *faults)
{
	spin_lock_init(&faults->lock);
}

/*
 * The device's page table does not let it do access: finds the page and puts it in. Returns 0 when
 * the device may try again, a reason (ISOCL_FAULT_...) when it is not entitled to the access, or a
 * negative error number.
 */
int isocl_device_fault(struct isocl_file *file, const struct isocl_access *access)
{
	struct vm_area_struct *vma;
	int result;

	if (access->address >> isocl_device.address_bits)
		return ISOCL_FAULT_ADDRESS_BITS;
	if (isocl_is_reserved(access->address))
		return ISOCL_FAULT_RESERVED;
	if (!mmget_not_zero(file->mm))
		return -ECANCELED;
	isocl_count(file, device_faults, 1);
	mmap_read_lock(file->mm);
	vma = find_vma(file->mm, access->address);
	if (vma && access->address >= vma->vm_start && vma->vm_ops == &isocl_buffer_operations &&
	    vma->vm_file->private_data == file) {
		result = isocl_memory_device_fault(vma->vm_private_data, vma, access);
		mmap_read_unlock(file->mm);
	} else {
		mmap_read_unlock(file->mm);
		result = isocl_mirror_device_fault(file, access);
	}
	/* The last user's leaving closes files, this one perhaps: not on the engine's own thread. */
	mmput_async(file->mm);
	return result;
}

void isocl_fault_record(struct isocl_file *file, const struct isocl_access *access, u32 side,
			u32 reason, u64 sequence, u32 operation)
{
	struct isocl_faults *faults = &file->faults;
	struct isocl_fault *record;

	isocl_count(file, fault_records, 1);
	spin_lock(&faults->lock);
	if (faults->count == ISOCL_FAULTS_KEPT) {
		faults->first = (faults->first + 1) % ISOCL_FAULTS_KEPT;
		faults->count--;
		faults->lost++;
	}
	record = &faults->records[(faults->first + faults->count++) % ISOCL_FAULTS_KEPT];
	*record = (struct isocl_fault){
		.address = access->address,
		.sequence = sequence,
		.op = operation,
		.access = access->write ? ISOCL_ACCESS_WRITE : ISOCL_ACCESS_READ,
		.side = side,
		.reason = reason,
		.time = ktime_get_ns(),
	};
	spin_unlock(&faults->lock);
}

long isocl_fault_take(struct isocl_file *file, void __user *user)
{
	struct isocl_faults *faults = &file->faults;
	struct isocl_fault fault, asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	spin_lock(&faults->lock);
	if (!faults->count) {
		spin_unlock(&faults->lock);
		return -EAGAIN;
	}
	fault = faults->records[faults->first];
	faults->first = (faults->first + 1) % ISOCL_FAULTS_KEPT;
	faults->count--;
	fault.lost = faults->lost;
	faults->lost = 0;
	spin_unlock(&faults->lock);
	fault.size = asked.size;
	return isocl_copy_to_user(user, &fault, sizeof(fault));
}
