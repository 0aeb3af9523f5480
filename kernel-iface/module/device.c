// SPDX-License-Identifier: GPL-2.0-only
/*
 * isocl: a device of few address bits, in software. Buffers get, through this driver's mmap, the
 * same address on the CPU and in the device's own page table.
 */
#include <linux/compat.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "driver.h"

static unsigned long memory_limit;
module_param(memory_limit, ulong, 0444);
MODULE_PARM_DESC(memory_limit, "bytes of memory that all buffers together may have (0: no limit)");

struct isocl_device isocl_device;

/* ---- structures that grow ------------------------------------------------------------------ */

/* Every structure begins with its size, which may not be below that of the first version. */
int isocl_copy_from_user(void *known, size_t known_size, void __user *user)
{
	u32 size;
	int error;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < known_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(known, known_size, user, size);
	if (!error)
		*(u32 *)known = size;
	return error;
}

int isocl_copy_to_user(void __user *user, const void *known, size_t known_size)
{
	return copy_to_user(user, known, known_size) ? -EFAULT : 0;
}

/* ---- calls --------------------------------------------------------------------------------- */

static long query(void __user *user)
{
	struct isocl_query asked;
	struct isocl_range __user *room;
	u32 count;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if (asked.pad)
		return -EINVAL;
	room = u64_to_user_ptr(asked.reserved);
	count = room ? min(asked.reserved_count, isocl_device.reserved_count) : 0;
	if (count && copy_to_user(room, isocl_device.reserved, count * sizeof(*room)))
		return -EFAULT;
	asked.abi_version = ISOCL_ABI_VERSION;
	asked.address_bits = isocl_device.address_bits;
	asked.page_shift = PAGE_SHIFT;
	asked.features = ISOCL_FEATURE_ENGINE | ISOCL_FEATURE_MIRROR | ISOCL_FEATURE_OWNERSHIP;
	asked.aperture_start = isocl_device.aperture.start;
	asked.aperture_end = isocl_device.aperture.end;
	asked.max_buffer_length = ISOCL_MAX_LENGTH;
	asked.memory_limit = isocl_device.memory_limit;
	asked.reserved_count = isocl_device.reserved_count;
	return isocl_copy_to_user(user, &asked, sizeof(asked));
}

static long statistics(struct isocl_file *file, void __user *user)
{
	const struct isocl_counters *counters;
	struct isocl_statistics asked;
	int error = isocl_copy_from_user(&asked, sizeof(asked), user);

	if (error)
		return error;
	if (asked.scope != ISOCL_SCOPE_FILE && asked.scope != ISOCL_SCOPE_DEVICE)
		return -EINVAL;
	counters = asked.scope == ISOCL_SCOPE_FILE ? &file->counters : &isocl_device.counters;
#define TELL(counter) (asked.counter = atomic64_read(&counters->counter))
	TELL(files);
	TELL(buffers);
	TELL(pages);
	TELL(device_entries);
	TELL(mirrors);
	TELL(submissions);
	TELL(cpu_faults);
	TELL(device_faults);
	TELL(fault_records);
	TELL(invalidations);
	TELL(search_steps);
#undef TELL
	return isocl_copy_to_user(user, &asked, sizeof(asked));
}

static long call(struct file *file, unsigned int command, unsigned long argument)
{
	struct isocl_file *isocl = file->private_data;
	void __user *user = (void __user *)argument;

	if (command == ISOCL_IOC_QUERY)
		return query(user);
	if (command == ISOCL_IOC_STATISTICS)
		return statistics(isocl, user);
	if (_IOC_TYPE(command) != ISOCL_IOC_TYPE)
		return -ENOTTY;
	if (current->mm != isocl->mm)
		return -EXDEV;

	switch (command) {
	case ISOCL_IOC_BUFFER_CREATE:
		return isocl_buffer_create(isocl, user);
	case ISOCL_IOC_BUFFER_DESTROY:
		return isocl_buffer_destroy(isocl, user);
	case ISOCL_IOC_BUFFER_INFO:
		return isocl_buffer_info(isocl, user);
	case ISOCL_IOC_POPULATE:
		return isocl_buffer_populate(isocl, user);
	case ISOCL_IOC_DISCARD:
		return isocl_buffer_discard(isocl, user);
	case ISOCL_IOC_SYNC:
		return isocl_buffer_sync(isocl, user);
	case ISOCL_IOC_MIRROR:
		return isocl_mirror_create(isocl, user);
	case ISOCL_IOC_UNMIRROR:
		return isocl_mirror_destroy(isocl, user);
	case ISOCL_IOC_SUBMIT:
		return isocl_engine_submit(isocl, user);
	case ISOCL_IOC_WAIT:
		return isocl_engine_wait(isocl, user);
	case ISOCL_IOC_FAULT:
		return isocl_fault_take(isocl, user);
	default:
		return -ENOTTY;
	}
}

/* ---- the device file ----------------------------------------------------------------------- */

static int open(struct inode *inode, struct file *file)
{
	struct isocl_file *isocl = kvzalloc(sizeof(*isocl), GFP_KERNEL_ACCOUNT);

	if (!isocl)
		return -ENOMEM;
	isocl->mm = current->mm;
	mmgrab(isocl->mm);
	isocl->search_start = isocl_random_start();
	xa_init_flags(&isocl->buffers, XA_FLAGS_ALLOC1);
	isocl_table_init(&isocl->table);
	isocl_mirrors_init(&isocl->mirrors);
	isocl_engine_init(&isocl->engine);
	isocl_faults_init(&isocl->faults);

	/* Offsets of two files' buffers are alike: each file needs a space of its own for them. */
	address_space_init_once(&isocl->mapping);
	isocl->mapping.host = inode;
	isocl->mapping.a_ops = inode->i_mapping->a_ops;
	file->f_mapping = &isocl->mapping;

	file->private_data = isocl;
	isocl_count(isocl, files, 1);
	return 0;
}

/* Every mapping holds the file, so that none is left. */
static int release(struct inode *inode, struct file *file)
{
	struct isocl_file *isocl = file->private_data;

	isocl_engine_release(isocl);
	isocl_mirrors_release(isocl);
	isocl_buffers_release(isocl);
	xa_destroy(&isocl->table.entries);
	isocl_count(isocl, files, -1);
	mmdrop(isocl->mm);
	kvfree(isocl);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = open,
	.release = release,
	.mmap = isocl_buffer_mmap,
	.get_unmapped_area = isocl_get_unmapped_area,
	.unlocked_ioctl = call,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "isocl0",
	.fops = &operations,
	.mode = 0660,
};

static int __init load(void)
{
	int error = isocl_aperture_init();

	if (error) {
		pr_err("isocl: the parameters leave no aperture, or contradict each other\n");
		return error;
	}
	isocl_device.memory_limit = memory_limit;
	error = misc_register(&node);
	if (error)
		return error;
	pr_info("isocl: %u address bits, buffers in %llx-%llx, %u reserved regions\n",
		isocl_device.address_bits, isocl_device.aperture.start, isocl_device.aperture.end,
		isocl_device.reserved_count);
	return 0;
}

/* All files are closed, so that nothing may be left of them. */
static void __exit unload(void)
{
	const struct isocl_counters *left = &isocl_device.counters;

	misc_deregister(&node);
	if (atomic64_read(&left->files) || atomic64_read(&left->buffers) ||
	    atomic64_read(&left->pages) || atomic64_read(&left->device_entries) ||
	    atomic64_read(&left->mirrors) || atomic64_read(&left->submissions))
		pr_err("isocl: left behind: %lld files, %lld buffers, %lld pages, %lld device entries, %lld mirrors, %lld submissions\n",
		       (long long)atomic64_read(&left->files), (long long)atomic64_read(&left->buffers),
		       (long long)atomic64_read(&left->pages),
		       (long long)atomic64_read(&left->device_entries),
		       (long long)atomic64_read(&left->mirrors),
		       (long long)atomic64_read(&left->submissions));
}

module_init(load);
module_exit(unload);
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_DESCRIPTION("isocl: shared virtual memory at the same address on CPU and device");
