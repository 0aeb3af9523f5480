// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's page table: its own, beside the CPU's. An entry is the frame of a page, whether the
 * device may write to it, and whether it mirrors the process.
 *
 * table.lock is held for reading while the device touches a page, and for writing while entries are
 * taken away: after isocl_table_clear nothing of the device touches the pages any more.
 */
#include "driver.h"

#define ENTRY_WRITE 1UL
#define ENTRY_MIRRORED 2UL
#define ENTRY_SHIFT 2

/* Entries taken away before the device may go on for a moment. */
#define CLEAR_BATCH 1024

void isocl_table_init(struct isocl_page_table *table)
{
	init_rwsem(&table->lock);
	xa_init(&table->entries);
}

static void *make_entry(struct page *page, unsigned long flags)
{
	return xa_mk_value(page_to_pfn(page) << ENTRY_SHIFT | flags);
}

/* Lets the device use a buffer's page. */
int isocl_table_set(struct isocl_file *file, unsigned long address, struct page *page, bool write)
{
	void *old = xa_store(&file->table.entries, address >> PAGE_SHIFT,
			     make_entry(page, write ? ENTRY_WRITE : 0), GFP_KERNEL_ACCOUNT);

	if (xa_is_err(old))
		return xa_err(old);
	if (!old)
		isocl_count(file, device_entries, 1);
	return 0;
}

/* Makes room for an entry, so that setting it needs no memory. */
int isocl_table_reserve(struct isocl_file *file, unsigned long address)
{
	return xa_reserve(&file->table.entries, address >> PAGE_SHIFT, GFP_KERNEL_ACCOUNT);
}

/* Lets the device use a page of the process; table.lock is held for reading, room is reserved. */
int isocl_table_set_mirrored(struct isocl_file *file, unsigned long address, struct page *page,
			     bool write)
{
	unsigned long flags = ENTRY_MIRRORED | (write ? ENTRY_WRITE : 0);
	void *old = xa_store(&file->table.entries, address >> PAGE_SHIFT, make_entry(page, flags),
			     GFP_NOWAIT | __GFP_NOWARN);

	if (xa_is_err(old))
		return xa_err(old);
	if (!old)
		isocl_count(file, device_entries, 1);
	return 0;
}

/* Takes the device's access to pages from address first up to end away. */
void isocl_table_clear(struct isocl_file *file, unsigned long first, unsigned long end)
{
	struct isocl_page_table *table = &file->table;
	unsigned long index = first >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	unsigned int cleared;
	void *entry;

	do {
		cleared = 0;
		down_write(&table->lock);
		xa_for_each_range(&table->entries, index, entry, index, last) {
			xa_erase(&table->entries, index);
			if (++cleared == CLEAR_BATCH)
				break;
		}
		up_write(&table->lock);
		isocl_count(file, device_entries, -(s64)cleared);
		cond_resched();
	} while (cleared == CLEAR_BATCH);
}

/*
 * The same for what mirrors the process: the caller is told that the process's own mapping changes
 * and holds table.lock for writing. Reserved rooms are no entries.
 */
void isocl_table_clear_mirrored(struct isocl_file *file, unsigned long first, unsigned long end)
{
	struct xarray *entries = &file->table.entries;
	unsigned long index, last = (end - 1) >> PAGE_SHIFT;
	s64 cleared = 0;
	void *entry;

	xa_for_each_range(entries, index, entry, first >> PAGE_SHIFT, last) {
		if (xa_to_value(entry) & ENTRY_MIRRORED) {
			xa_erase(entries, index);
			cleared++;
		}
	}
	isocl_count(file, device_entries, -cleared);
}

/*
 * Where the device finds the byte at address, up to the end of the page, or NULL if its page table
 * does not let it. table.lock is held for reading for as long as the answer is used. Pages are
 * never high memory on the 64-bit machines that this driver is for.
 */
void *isocl_table_look_up(struct isocl_page_table *table, u64 address, bool write)
{
	void *entry = xa_load(&table->entries, address >> PAGE_SHIFT);
	unsigned long value;

	if (!entry)
		return NULL;
	value = xa_to_value(entry);
	if (write && !(value & ENTRY_WRITE))
		return NULL;
	return page_address(pfn_to_page(value >> ENTRY_SHIFT)) + offset_in_page(address);
}
