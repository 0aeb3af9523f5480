// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where buffers may lie: the device's aperture without its reserved regions, and the search for a
 * gap of the process's address space in there.
 */
#include <linux/maple_tree.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/sort.h>

#include "driver.h"

static unsigned int address_bits = 40;
module_param(address_bits, uint, 0444);
MODULE_PARM_DESC(address_bits, "bits of an address that the device decodes, 33 to 57 (40)");

static unsigned long aperture_start = 4UL << 30;
module_param(aperture_start, ulong, 0444);
MODULE_PARM_DESC(aperture_start, "lowest address of buffers (4 GiB)");

static unsigned long aperture_end;
module_param(aperture_end, ulong, 0444);
MODULE_PARM_DESC(aperture_end, "address after the highest of buffers (all that the bits allow)");

static char *reserved[ISOCL_MAX_RESERVED];
static int reserved_count;
module_param_array(reserved, charp, &reserved_count, 0444);
MODULE_PARM_DESC(reserved, "regions that the device does not use for buffers: first-end, in hexadecimal");

static bool randomize = true;
module_param(randomize, bool, 0444);
MODULE_PARM_DESC(randomize, "begin each file's search at a random place (1)");

static unsigned int guard_pages = 256;
module_param(guard_pages, uint, 0444);
MODULE_PARM_DESC(guard_pages, "pages kept free below a stack (256, as the kernel does)");

static int compare_ranges(const void *a, const void *b)
{
	const struct isocl_range *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static int parse_range(char *text, struct isocl_range *range)
{
	char *end = strchr(text, '-');
	int error;

	if (!end)
		return -EINVAL;
	*end = '\0';
	error = kstrtou64(text, 16, &range->start);
	/* The text is the parameter, which anybody may read later. */
	*end = '-';
	if (!error)
		error = kstrtou64(end + 1, 16, &range->end);
	if (!error && (range->start >= range->end || range->end > DEFAULT_MAP_WINDOW))
		error = -EINVAL;
	range->start = ALIGN_DOWN(range->start, PAGE_SIZE);
	range->end = ALIGN(range->end, PAGE_SIZE);
	return error;
}

static void allow(u64 start, u64 end)
{
	if (start < end)
		isocl_device.allowed[isocl_device.allowed_count++] =
			(struct isocl_range){ .start = start, .end = end };
}

int isocl_aperture_init(void)
{
	struct isocl_range *aperture = &isocl_device.aperture;
	u64 from, decoded;
	int i;

	if (address_bits < 33 || address_bits > 57)
		return -EINVAL;
	decoded = min_t(u64, 1ULL << address_bits, DEFAULT_MAP_WINDOW);
	if (!aperture_end)
		aperture_end = decoded;
	if (!PAGE_ALIGNED(aperture_start) || !PAGE_ALIGNED(aperture_end) ||
	    aperture_end > decoded || aperture_start >= aperture_end)
		return -EINVAL;
	isocl_device.address_bits = address_bits;
	*aperture = (struct isocl_range){ .start = aperture_start, .end = aperture_end };

	for (i = 0; i < reserved_count; i++) {
		if (parse_range(reserved[i], &isocl_device.reserved[i]))
			return -EINVAL;
	}
	isocl_device.reserved_count = reserved_count;
	sort(isocl_device.reserved, reserved_count, sizeof(isocl_device.reserved[0]),
	     compare_ranges, NULL);

	from = aperture->start;
	for (i = 0; i < reserved_count; i++) {
		allow(from, min(isocl_device.reserved[i].start, aperture->end));
		from = max(from, isocl_device.reserved[i].end);
	}
	allow(from, aperture->end);
	return isocl_device.allowed_count ? 0 : -EINVAL;
}

/* Whether a buffer may lie there as far as the device is concerned. */
bool isocl_is_legal(unsigned long address, unsigned long length)
{
	unsigned int i;

	for (i = 0; i < isocl_device.allowed_count; i++) {
		const struct isocl_range *allowed = &isocl_device.allowed[i];

		if (address >= allowed->start && address < allowed->end)
			return length <= allowed->end - address;
	}
	return false;
}

bool isocl_is_reserved(u64 address)
{
	unsigned int i;

	for (i = 0; i < isocl_device.reserved_count; i++)
		if (address >= isocl_device.reserved[i].start &&
		    address < isocl_device.reserved[i].end)
			return true;
	return false;
}

/* A multiple of 2 MiB somewhere in the allowed ranges, so that addresses cannot be guessed. */
unsigned long isocl_random_start(void)
{
	u64 total = 0, offset;
	unsigned int i;

	for (i = 0; i < isocl_device.allowed_count; i++)
		total += isocl_device.allowed[i].end - isocl_device.allowed[i].start;
	offset = randomize ? get_random_u64() % total : 0;
	for (i = 0; i < isocl_device.allowed_count; i++) {
		const struct isocl_range *allowed = &isocl_device.allowed[i];

		if (offset < allowed->end - allowed->start)
			return max_t(u64, ALIGN_DOWN(allowed->start + offset, PMD_SIZE),
				     allowed->start);
		offset -= allowed->end - allowed->start;
	}
	return isocl_device.allowed[0].start;
}

/* How many bytes must stay free below a mapping. */
static unsigned long gap_below(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_GROWSDOWN)
		return (unsigned long)guard_pages << PAGE_SHIFT;
#ifdef VM_SHADOW_STACK
	if (vma->vm_flags & VM_SHADOW_STACK)
		return PAGE_SIZE;
#endif
	return 0;
}

/* Whether nothing is mapped there, nor needs the space to grow into. */
static bool is_free(struct mm_struct *mm, unsigned long address, unsigned long length)
{
	struct vm_area_struct *next = find_vma(mm, address);

	return !next || (next->vm_start >= address + length &&
			 next->vm_start - (address + length) >= gap_below(next));
}

/*
 * The lowest free place in [start, end). First among gaps that fit however they are aligned, which
 * the tree finds at once; then, for large alignments in a full aperture, gap by gap.
 */
static unsigned long search_range(struct isocl_file *file, unsigned long start, unsigned long end,
				  unsigned long length, unsigned long alignment)
{
	unsigned long padded[] = { length + alignment - PAGE_SIZE, length };
	struct mm_struct *mm = current->mm;
	MA_STATE(gap, &mm->mm_mt, 0, 0);
	int i;

	for (i = 0; i < ARRAY_SIZE(padded); i++) {
		unsigned long from = start;

		while (from < end && end - from >= padded[i]) {
			unsigned long address;

			isocl_count(file, search_steps, 1);
			mas_reset(&gap);
			if (mas_empty_area(&gap, from, end - 1, padded[i]))
				break;
			address = ALIGN(gap.index, alignment);
			if (address + length <= end && is_free(mm, address, length))
				return address;
			from = max(address, gap.index + PAGE_SIZE);
			if (fatal_signal_pending(current))
				return -EINTR;
		}
		if (alignment == PAGE_SIZE)
			break;
	}
	return -ENOMEM;
}

static unsigned long search(struct isocl_file *file, unsigned long length, unsigned long alignment)
{
	unsigned long address;
	unsigned int pass, i;

	/* Upwards from the file's own start, then from the bottom. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < isocl_device.allowed_count; i++) {
			const struct isocl_range *allowed = &isocl_device.allowed[i];
			unsigned long from = allowed->start;

			if (pass == 0) {
				if (allowed->end <= file->search_start)
					continue;
				from = max_t(u64, from, file->search_start);
			}
			address = search_range(file, from, allowed->end, length, alignment);
			if (address != -ENOMEM)
				return address;
		}
	}
	return -ENOMEM;
}

/*
 * The core asks here for the address of a mapping, with mmap_lock held for writing; for MAP_FIXED
 * and mremap too, which is where illegal wishes are refused.
 */
unsigned long isocl_get_unmapped_area(struct file *file, unsigned long address, unsigned long length,
				      unsigned long offset, unsigned long flags)
{
	struct isocl_file *isocl = file->private_data;
	unsigned long alignment;
	struct isocl_buffer *buffer;

	mmap_assert_write_locked(current->mm);
	if (current->mm != isocl->mm)
		return -EXDEV;
	buffer = isocl_buffer_of_offset(isocl, offset);
	if (!buffer)
		return -EINVAL;
	alignment = max(buffer->alignment, length >= PMD_SIZE ? PMD_SIZE : PAGE_SIZE);
	if (length != buffer->length) {
		isocl_buffer_put(buffer);
		return -EINVAL;
	}
	isocl_buffer_put(buffer);

	if (flags & MAP_FIXED)
		return isocl_is_legal(address, length) ? address : -EINVAL;
	if (address && IS_ALIGNED(address, alignment) && isocl_is_legal(address, length) &&
	    is_free(current->mm, address, length))
		return address;
	return search(isocl, length, alignment);
}
