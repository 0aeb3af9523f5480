// SPDX-License-Identifier: GPL-2.0-only
/* What the device says of itself, and the rules that all calls share. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static void the_device_describes_itself(void)
{
	struct isocl_range reserved[16];
	int fd = open_device();
	struct isocl_query answer = query(fd, reserved, 16);
	struct stat node;

	CHECK(answer.abi_version == ISOCL_ABI_VERSION);
	CHECK(answer.address_bits == 40 && answer.page_shift == 12);
	CHECK(answer.features ==
	      (ISOCL_FEATURE_ENGINE | ISOCL_FEATURE_MIRROR | ISOCL_FEATURE_OWNERSHIP));
	CHECK(answer.aperture_start == 4 * GIB && answer.aperture_end == 1ULL << 40);
	CHECK(answer.reserved_count == 0 && answer.max_buffer_length >= 1ULL << 40);
	CHECK(!stat(NODE, &node) && S_ISCHR(node.st_mode) && (node.st_mode & 07) == 0);
}

static void structures_may_grow(void)
{
	struct {
		struct isocl_query query;
		uint64_t unknown;
	} longer = { .query = { .size = sizeof(longer) } };
	struct isocl_query shorter = { .size = sizeof(shorter) - 8 };
	char huge[8192] = { 0 };
	int fd = open_device();

	CHECK(!call(fd, ISOCL_IOC_QUERY, &longer));
	CHECK(longer.query.address_bits == 40 && longer.query.size == sizeof(longer));
	longer.unknown = 1;
	CHECK_ERRNO(call(fd, ISOCL_IOC_QUERY, &longer), E2BIG);
	CHECK_ERRNO(call(fd, ISOCL_IOC_QUERY, &shorter), EINVAL);
	shorter.size = 0;
	CHECK_ERRNO(call(fd, ISOCL_IOC_QUERY, &shorter), EINVAL);
	*(uint32_t *)huge = sizeof(huge);
	CHECK_ERRNO(call(fd, ISOCL_IOC_QUERY, huge), E2BIG);
}

static void unknown_calls_and_bad_pointers_are_refused(void)
{
	int fd = open_device();
	unsigned int number;

	CHECK_ERRNO(call(fd, _IO(ISOCL_IOC_TYPE, 0x0D), NULL), ENOTTY);
	CHECK_ERRNO(call(fd, _IO(ISOCL_IOC_TYPE, 0xFF), NULL), ENOTTY);
	CHECK_ERRNO(call(fd, _IO('x', 0), NULL), ENOTTY);
	for (number = 0; number <= 0x0C; number++) {
		CHECK_ERRNO(call(fd, _IO(ISOCL_IOC_TYPE, number), NULL), EFAULT);
		CHECK_ERRNO(call(fd, _IO(ISOCL_IOC_TYPE, number), (void *)~7UL), EFAULT);
	}
}

static void padding_must_be_zero(void)
{
	struct isocl_query query = { .size = sizeof(query), .pad = 1 };
	struct isocl_buffer_create create = { .size = sizeof(create), .length = PAGE, .pad = 1 };
	struct isocl_statistics statistics = { .size = sizeof(statistics), .scope = 2 };
	int fd = open_device();

	CHECK_ERRNO(call(fd, ISOCL_IOC_QUERY, &query), EINVAL);
	CHECK_ERRNO(call(fd, ISOCL_IOC_BUFFER_CREATE, &create), EINVAL);
	CHECK_ERRNO(call(fd, ISOCL_IOC_STATISTICS, &statistics), EINVAL);
}

static void statistics_count(void)
{
	int fd = open_device(), other = open_device();
	struct isocl_statistics all, own;
	struct buffer buffer;

	CHECK(statistics(fd, ISOCL_SCOPE_DEVICE).files == 2);
	buffer = create_and_map(fd, 8 * PAGE, 0);
	own = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(own.files == 1 && own.buffers == 1 && own.pages == 8 && own.device_entries == 8);
	own = statistics(other, ISOCL_SCOPE_FILE);
	CHECK(own.files == 1 && !own.buffers && !own.pages && !own.device_entries);
	all = statistics(other, ISOCL_SCOPE_DEVICE);
	CHECK(all.buffers == 1 && all.pages == 8);
	unmap_and_destroy(fd, &buffer);
	own = statistics(fd, ISOCL_SCOPE_FILE);
	CHECK(!own.buffers && !own.pages && !own.device_entries);
}

const struct group query_group = {
	"query", "", 20,
	TESTS(TEST(the_device_describes_itself), TEST(structures_may_grow),
	      TEST(unknown_calls_and_bad_pointers_are_refused), TEST(padding_must_be_zero),
	      TEST(statistics_count)),
};
