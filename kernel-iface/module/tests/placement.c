// SPDX-License-Identifier: GPL-2.0-only
/* Where buffers lie. */
#include <unistd.h>

#include "check.h"
#include "device.h"

#define MAX_RESERVED 16

static struct isocl_range reserved[MAX_RESERVED];
static struct isocl_query device;

static int open_and_query(void)
{
	int fd = open_device();

	device = query(fd, reserved, MAX_RESERVED);
	return fd;
}

static bool is_legal(const void *at, size_t length)
{
	uint64_t start = address_of(at), end = start + length;
	unsigned int i;

	for (i = 0; i < device.reserved_count; i++)
		if (start < reserved[i].end && end > reserved[i].start)
			return false;
	return start >= device.aperture_start && end <= device.aperture_end;
}

static void buffers_of_all_sizes_lie_in_the_aperture(void)
{
	static const size_t sizes[] = { PAGE, 2 * PAGE, 64 << 10, MIB, 2 * MIB, 2 * MIB + PAGE,
					64 * MIB, GIB };
	int fd = open_and_query();
	unsigned int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct buffer buffer = create_and_map(fd, sizes[i], ISOCL_BUFFER_LAZY);

			CHECK(is_legal(buffer.at, sizes[i]));
			CHECK(sizes[i] < 2 * MIB || address_of(buffer.at) % (2 * MIB) == 0);
			buffer.at[0] = buffer.at[sizes[i] - 1] = round;
			if (round % 2)
				unmap_and_destroy(fd, &buffer);
		}
	}
}

static void alignments_are_kept(void)
{
	int fd = open_and_query();
	unsigned int power;

	for (power = 12; power <= 38; power++) {
		struct buffer buffer =
			create_aligned(fd, PAGE, ISOCL_BUFFER_LAZY, 1ULL << power);

		buffer.at = map_at(fd, &buffer, NULL, 0);
		CHECK(buffer.at != MAP_FAILED && address_of(buffer.at) % (1ULL << power) == 0);
		CHECK(is_legal(buffer.at, PAGE));
	}
}

static void hints_are_honoured_if_they_are_legal_and_free(void)
{
	int fd = open_and_query();
	void *wanted = (void *)(device.aperture_start + (17 * GIB));
	struct buffer first = create(fd, 4 * PAGE, 0), second = create(fd, 4 * PAGE, 0);
	struct buffer third = create(fd, 4 * PAGE, 0);

	first.at = map_at(fd, &first, wanted, 0);
	CHECK(first.at == wanted);
	second.at = map_at(fd, &second, wanted, 0);
	CHECK(second.at != MAP_FAILED && second.at != wanted && is_legal(second.at, 4 * PAGE));
	third.at = map_at(fd, &third, (void *)0x7e0000000000, 0);
	CHECK(third.at != MAP_FAILED && is_legal(third.at, 4 * PAGE));
}

static void fixed_addresses_must_be_legal(void)
{
	int fd = open_and_query();
	struct buffer buffer = create(fd, 4 * PAGE, 0), other = create(fd, 4 * PAGE, 0);
	void *good = (void *)(device.aperture_start + 3 * GIB);

	CHECK_ERRNO(map_at(fd, &buffer, (void *)0x7e0000000000, MAP_FIXED), EINVAL);
	CHECK_ERRNO(map_at(fd, &buffer, (void *)(device.aperture_end - 2 * PAGE), MAP_FIXED),
		    EINVAL);
	CHECK_ERRNO(map_at(fd, &buffer, (void *)(device.aperture_start - PAGE), MAP_FIXED), EINVAL);
	CHECK_ERRNO(map_at(fd, &buffer, (void *)(1UL << 20), MAP_FIXED), EINVAL);
	buffer.at = map_at(fd, &buffer, good, MAP_FIXED);
	CHECK(buffer.at == good);
	CHECK_ERRNO(map_at(fd, &other, good, MAP_FIXED_NOREPLACE), EEXIST);
	/* A buffer of ours may take another's place, which loses its address thereby. */
	other.at = map_at(fd, &other, good, MAP_FIXED);
	CHECK(other.at == good);
	CHECK(!destroy(fd, buffer.handle));
	CHECK_ERRNO(destroy(fd, other.handle), EBUSY);
}

static void stacks_keep_their_gap(void)
{
	int fd = open_and_query();
	char *stack = mmap((void *)(device.aperture_start + 8 * GIB), 16 * PAGE,
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	struct buffer near = create(fd, 4 * PAGE, 0), far = create(fd, 4 * PAGE, 0);
	void *wanted = stack - 256 * PAGE - 4 * PAGE;

	CHECK(stack != MAP_FAILED);
	near.at = map_at(fd, &near, stack - 4 * PAGE, 0);
	CHECK(near.at != MAP_FAILED && near.at != (uint8_t *)stack - 4 * PAGE);
	far.at = map_at(fd, &far, wanted, 0);
	CHECK(far.at == wanted);
}

static void what_the_process_has_mapped_is_left_alone(void)
{
	int fd = open_and_query();
	size_t length = device.aperture_end - device.aperture_start - GIB;
	char *blocked = mmap((void *)device.aperture_start, length, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
			     0);
	unsigned int i;

	CHECK(blocked != MAP_FAILED);
	for (i = 0; i < 200; i++) {
		struct buffer buffer = create_and_map(fd, MIB, ISOCL_BUFFER_LAZY);

		CHECK((char *)buffer.at >= blocked + length && is_legal(buffer.at, MIB));
	}
	/* What is left is a GiB; twice that does not fit. */
	struct buffer large = create(fd, 2 * GIB, ISOCL_BUFFER_LAZY);

	CHECK_ERRNO(map_at(fd, &large, NULL, 0), ENOMEM);
}

static void addresses_differ_from_file_to_file(void)
{
	uint64_t seen[8];
	unsigned int i, equal = 0;

	for (i = 0; i < 8; i++) {
		int fd = open_device();
		struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);

		seen[i] = address_of(buffer.at);
		unmap_and_destroy(fd, &buffer);
		close(fd);
		equal += i && seen[i] == seen[0];
	}
	CHECK(equal < 7);
}

static void mappings_are_whole_shared_and_single(void)
{
	int fd = open_and_query();
	struct buffer buffer = create(fd, 4 * PAGE, 0);
	const int protection = PROT_READ | PROT_WRITE;

	CHECK_ERRNO(mmap(NULL, 4 * PAGE, protection, MAP_PRIVATE, fd, buffer.offset), EINVAL);
	CHECK_ERRNO(mmap(NULL, 3 * PAGE, protection, MAP_SHARED, fd, buffer.offset), EINVAL);
	CHECK_ERRNO(mmap(NULL, 5 * PAGE, protection, MAP_SHARED, fd, buffer.offset), EINVAL);
	CHECK_ERRNO(mmap(NULL, 3 * PAGE, protection, MAP_SHARED, fd, buffer.offset + PAGE), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4 * PAGE, protection, MAP_SHARED, fd, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4 * PAGE, protection, MAP_SHARED, fd, buffer.offset * 2), EINVAL);
	buffer.at = map_at(fd, &buffer, NULL, 0);
	CHECK(buffer.at != MAP_FAILED);
	CHECK_ERRNO(map_at(fd, &buffer, NULL, 0), EBUSY);
	unmap(&buffer);
	buffer.at = map_at(fd, &buffer, NULL, 0);
	CHECK(buffer.at != MAP_FAILED);
}

/* An unaware process may ask for addresses that need 57 bits; buffers stay low. */
static void high_hints_do_not_lead_beyond_the_aperture(void)
{
	int fd = open_and_query();
	struct buffer buffer = create(fd, PAGE, 0);

	buffer.at = map_at(fd, &buffer, (void *)(1UL << 50), 0);
	CHECK(buffer.at != MAP_FAILED && is_legal(buffer.at, PAGE));
}

const struct group placement_group = {
	"placement", "", 30,
	TESTS(TEST(buffers_of_all_sizes_lie_in_the_aperture), TEST(alignments_are_kept),
	      TEST(hints_are_honoured_if_they_are_legal_and_free),
	      TEST(fixed_addresses_must_be_legal), TEST(stacks_keep_their_gap),
	      TEST(what_the_process_has_mapped_is_left_alone),
	      TEST(addresses_differ_from_file_to_file), TEST(mappings_are_whole_shared_and_single),
	      TEST(high_hints_do_not_lead_beyond_the_aperture)),
};

/* ---- reserved regions ---------------------------------------------------------------------- */

static void reserved_regions_are_told_in_order(void)
{
	int fd = open_and_query();
	struct isocl_query counted = query(fd, NULL, 0);

	CHECK(device.reserved_count == 2 && counted.reserved_count == 2);
	CHECK(reserved[0].start == 0x4000000000 && reserved[0].end == 0x5000000000);
	CHECK(reserved[1].start == 0x8000000000 && reserved[1].end == 0x8000001000);
}

static void no_buffer_touches_a_reserved_region(void)
{
	int fd = open_and_query();
	struct buffer fixed = create(fd, 4 * PAGE, 0), large;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		CHECK_ERRNO(map_at(fd, &fixed, (void *)reserved[i].start, MAP_FIXED), EINVAL);
		CHECK_ERRNO(map_at(fd, &fixed, (void *)(reserved[i].start - 2 * PAGE), MAP_FIXED),
			    EINVAL);
		CHECK_ERRNO(map_at(fd, &fixed, (void *)(reserved[i].end - PAGE), MAP_FIXED),
			    EINVAL);
	}
	fixed.at = map_at(fd, &fixed, (void *)reserved[0].end, MAP_FIXED);
	CHECK(address_of(fixed.at) == reserved[0].end);
	/* Room for this is only above the second region: 508 GiB there, 252 and 192 below. */
	large = create_and_map(fd, 300 * GIB, ISOCL_BUFFER_LAZY);
	CHECK(address_of(large.at) >= reserved[1].end && is_legal(large.at, large.length));
	unmap(&large);
	for (i = 0; i < 200; i++) {
		struct buffer buffer = create_and_map(fd, 3 * GIB, ISOCL_BUFFER_LAZY);

		CHECK(is_legal(buffer.at, 3 * GIB));
	}
}

static void the_device_does_not_reach_into_a_reserved_region(void)
{
	struct isocl_fault fault;
	int fd = open_and_query();

	CHECK(device_fill(fd, (void *)reserved[1].start, 8, 1) == -EFAULT);
	CHECK(!take_fault(fd, &fault));
	CHECK(fault.address == reserved[1].start && fault.reason == ISOCL_FAULT_RESERVED);
}

const struct group reserved_group = {
	"reserved", "reserved=8000000000-8000001000,0x4000000000-0x5000000000 randomize=0", 30,
	TESTS(TEST(reserved_regions_are_told_in_order), TEST(no_buffer_touches_a_reserved_region),
	      TEST(the_device_does_not_reach_into_a_reserved_region)),
};

/* ---- an aperture of 64 MiB ----------------------------------------------------------------- */

static void a_full_aperture_is_refilled(void)
{
	int fd = open_and_query(), round, count, i;
	struct buffer buffers[1100], more;

	for (round = 0; round < 3; round++) {
		for (count = 0; count < 1100; count++) {
			buffers[count] = create(fd, 64 << 10, ISOCL_BUFFER_LAZY);
			buffers[count].at = map_at(fd, &buffers[count], NULL, 0);
			if (buffers[count].at == MAP_FAILED)
				break;
			CHECK(is_legal(buffers[count].at, 64 << 10));
		}
		CHECK(errno == ENOMEM && count == 1024);
		more = buffers[count];
		/* One gap is found again, wherever it is. */
		unmap(&buffers[count / 2]);
		more.at = map_at(fd, &more, NULL, 0);
		CHECK(more.at != MAP_FAILED);
		unmap_and_destroy(fd, &more);
		CHECK(!destroy(fd, buffers[count / 2].handle));
		for (i = 0; i < count; i++)
			if (i != count / 2)
				unmap_and_destroy(fd, &buffers[i]);
	}
}

static void large_alignments_find_the_only_place(void)
{
	int fd = open_and_query();
	struct buffer low, middle = create_aligned(fd, PAGE, ISOCL_BUFFER_LAZY, 32 * MIB);
	struct buffer high;

	/* Multiples of 32 MiB are the start of the aperture and its middle. */
	low = create(fd, 32 * MIB, ISOCL_BUFFER_LAZY);
	low.at = map_at(fd, &low, (void *)device.aperture_start, MAP_FIXED);
	CHECK(low.at != MAP_FAILED);
	high = create(fd, 31 * MIB, ISOCL_BUFFER_LAZY);
	high.at = map_at(fd, &high, (void *)(device.aperture_start + 33 * MIB), MAP_FIXED);
	CHECK(high.at != MAP_FAILED);
	middle.at = map_at(fd, &middle, NULL, 0);
	CHECK(address_of(middle.at) == device.aperture_start + 32 * MIB);
}

const struct group tiny_group = {
	"tiny", "aperture_start=0x800000000 aperture_end=0x804000000", 30,
	TESTS(TEST(a_full_aperture_is_refilled), TEST(large_alignments_find_the_only_place)),
};
