/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the driver share.
 *
 * Lock order: mirrors.lock, mmap_lock, buffer.lock, table.lock. Nothing sleeps for memory while it
 * holds table.lock, because reclaim may wait for that lock in a notifier.
 */
#ifndef ISOCL_DRIVER_H
#define ISOCL_DRIVER_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include <isocl.h>

#define ISOCL_MAX_RESERVED 16
/* As many as submissions may have failed without anybody asking. */
#define ISOCL_FAULTS_KEPT ISOCL_MAX_PENDING

struct isocl_counters {
	atomic64_t files, buffers, pages, device_entries, mirrors, submissions;
	atomic64_t cpu_faults, device_faults, fault_records, invalidations, search_steps;
};

/* The device: one per module. Constant after loading, but for the counters. */
struct isocl_device {
	unsigned int address_bits;
	struct isocl_range aperture;
	unsigned int reserved_count;
	struct isocl_range reserved[ISOCL_MAX_RESERVED];
	/* The aperture without the reserved regions, ascending. */
	unsigned int allowed_count;
	struct isocl_range allowed[ISOCL_MAX_RESERVED + 1];
	u64 memory_limit;
	struct isocl_counters counters;
};

extern struct isocl_device isocl_device;

/* The device's page table: page number to page frame, see page_table.c. */
struct isocl_page_table {
	struct rw_semaphore lock;
	struct xarray entries;
};

struct isocl_mirrors {
	struct mutex lock;
	struct list_head list;
	u32 last_id;
};

struct isocl_faults {
	spinlock_t lock;
	unsigned int first, count;
	u32 lost;
	struct isocl_fault records[ISOCL_FAULTS_KEPT];
};

struct isocl_engine {
	struct mutex start;             /* one thread at most is started */
	spinlock_t lock;                /* everything below */
	struct task_struct *thread;
	struct list_head queued, failed;
	unsigned int pending;
	u64 submitted, completed;
	bool stopped;
	wait_queue_head_t work, done;
};

/* An open file of the device: a device context of one process. */
struct isocl_file {
	struct mm_struct *mm;           /* identity only; its users are not counted */
	struct address_space mapping;   /* offsets of this file's buffers, to unmap parts of them */
	unsigned long search_start;
	struct xarray buffers;          /* by handle */
	u32 next_handle;
	struct isocl_page_table table;
	struct isocl_mirrors mirrors;
	struct isocl_engine engine;
	struct isocl_faults faults;
	struct isocl_counters counters;
};

#define isocl_count(file, counter, n)                                        \
	do {                                                                 \
		atomic64_add((n), &(file)->counters.counter);                \
		atomic64_add((n), &isocl_device.counters.counter);           \
	} while (0)

/* One access of the device or CPU that may become a fault record. */
struct isocl_access {
	u64 address;
	bool write;
};

struct isocl_buffer {
	struct kref references;         /* the handle, and one per mapping */
	struct isocl_file *file;
	u32 handle, flags;
	unsigned long length, alignment;
	struct mutex lock;              /* everything below */
	unsigned long address;          /* in the process of the file; 0 if not mapped */
	bool destroyed;
	struct xarray pages;            /* struct page by number; marked if the device owns it */
	unsigned long page_count;
};

/* Offsets of buffers are 2^43 bytes apart: 2^20 handles of buffers of up to 8 TiB. */
#define ISOCL_HANDLE_SHIFT (43 - PAGE_SHIFT)
#define ISOCL_MAX_HANDLE ((1U << 20) - 1)
#define ISOCL_MAX_LENGTH (1UL << 43)
#define ISOCL_DEVICE_OWNED XA_MARK_0

static inline bool isocl_is_lazy(const struct isocl_buffer *buffer)
{
	return buffer->flags & ISOCL_BUFFER_LAZY;
}

static inline bool isocl_has_owners(const struct isocl_buffer *buffer)
{
	return buffer->flags & ISOCL_BUFFER_OWNERSHIP;
}

static inline unsigned long isocl_buffer_offset(const struct isocl_buffer *buffer)
{
	return (unsigned long)buffer->handle << ISOCL_HANDLE_SHIFT;
}

/* device.c */
int isocl_copy_from_user(void *known, size_t known_size, void __user *user);
int isocl_copy_to_user(void __user *user, const void *known, size_t known_size);

/* aperture.c */
int isocl_aperture_init(void);
bool isocl_is_legal(unsigned long address, unsigned long length);
bool isocl_is_reserved(u64 address);
unsigned long isocl_random_start(void);
unsigned long isocl_get_unmapped_area(struct file *file, unsigned long address, unsigned long length,
				      unsigned long offset, unsigned long flags);

/* buffer.c */
extern const struct vm_operations_struct isocl_buffer_operations;
struct isocl_buffer *isocl_buffer_of_offset(struct isocl_file *file, unsigned long offset);
void isocl_buffer_put(struct isocl_buffer *buffer);
int isocl_buffer_mmap(struct file *file, struct vm_area_struct *vma);
long isocl_buffer_create(struct isocl_file *file, void __user *user);
long isocl_buffer_destroy(struct isocl_file *file, void __user *user);
long isocl_buffer_info(struct isocl_file *file, void __user *user);
long isocl_buffer_populate(struct isocl_file *file, void __user *user);
long isocl_buffer_discard(struct isocl_file *file, void __user *user);
long isocl_buffer_sync(struct isocl_file *file, void __user *user);
void isocl_buffers_release(struct isocl_file *file);

/* buffer_memory.c: all with buffer.lock held, but for the fault handlers */
int isocl_memory_populate(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			  unsigned long first, unsigned long count);
void isocl_memory_discard(struct isocl_buffer *buffer, unsigned long first, unsigned long count);
int isocl_memory_hand_over(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			   unsigned long first, unsigned long count, bool to_device);
void isocl_memory_leave_device(struct isocl_buffer *buffer);
void isocl_memory_free(struct isocl_buffer *buffer);
vm_fault_t isocl_memory_cpu_fault(struct vm_fault *fault);
int isocl_memory_device_fault(struct isocl_buffer *buffer, struct vm_area_struct *vma,
			      const struct isocl_access *access);

/* page_table.c */
void isocl_table_init(struct isocl_page_table *table);
int isocl_table_set(struct isocl_file *file, unsigned long address, struct page *page, bool write);
int isocl_table_reserve(struct isocl_file *file, unsigned long address);
int isocl_table_set_mirrored(struct isocl_file *file, unsigned long address, struct page *page,
			     bool write);
void isocl_table_clear(struct isocl_file *file, unsigned long first, unsigned long end);
void isocl_table_clear_mirrored(struct isocl_file *file, unsigned long first, unsigned long end);
void *isocl_table_look_up(struct isocl_page_table *table, u64 address, bool write);

/* mirror.c */
void isocl_mirrors_init(struct isocl_mirrors *mirrors);
int isocl_mirror_device_fault(struct isocl_file *file, const struct isocl_access *access);
long isocl_mirror_create(struct isocl_file *file, void __user *user);
long isocl_mirror_destroy(struct isocl_file *file, void __user *user);
void isocl_mirrors_release(struct isocl_file *file);

/* engine.c */
void isocl_engine_init(struct isocl_engine *engine);
long isocl_engine_submit(struct isocl_file *file, void __user *user);
long isocl_engine_wait(struct isocl_file *file, void __user *user);
void isocl_engine_release(struct isocl_file *file);

/* operation.c: 0, a reason of a fault (ISOCL_FAULT_...) or a negative error number */
int isocl_operation_run(struct isocl_file *file, const struct isocl_op *operation, const u8 *data,
			struct isocl_access *access);
int isocl_operation_check(const struct isocl_op *operation);

/* fault.c */
void isocl_faults_init(struct isocl_faults *faults);
int isocl_device_fault(struct isocl_file *file, const struct isocl_access *access);
void isocl_fault_record(struct isocl_file *file, const struct isocl_access *access, u32 side,
			u32 reason, u64 sequence, u32 operation);
long isocl_fault_take(struct isocl_file *file, void __user *user);

#endif
