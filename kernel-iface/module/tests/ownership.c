// SPDX-License-Identifier: GPL-2.0-only
/* Pages that belong to one side at a time. */
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static sigjmp_buf after;
static void *signalled_at;

static void remember(int number, siginfo_t *information, void *context)
{
	(void)number;
	(void)context;
	signalled_at = information->si_addr;
	siglongjmp(after, 1);
}

/* Whether the CPU may touch a byte; it reads it, and writes it back. */
static bool cpu_may_touch(volatile uint8_t *byte)
{
	struct sigaction action = { .sa_sigaction = remember, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(after, 1))
		return false;
	*byte = *byte;
	return true;
}

static void the_wrong_sides_touch_is_recorded(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_OWNERSHIP);
	struct isocl_fault fault;

	CHECK(cpu_may_touch(buffer.at) && !statistics(fd, ISOCL_SCOPE_FILE).device_entries);
	CHECK(device_fill(fd, buffer.at + 8, 8, 1) == -EFAULT && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_NOT_OWNED && fault.side == ISOCL_SIDE_DEVICE);
	CHECK(fault.address == address_of(buffer.at) + 8);

	CHECK(!sync_part(fd, buffer.handle, 0, 4 * PAGE, ISOCL_SYNC_TO_DEVICE));
	CHECK(!device_fill(fd, buffer.at, 4 * PAGE, 7));
	CHECK(!cpu_may_touch(buffer.at + PAGE + 5));
	CHECK(signalled_at == buffer.at + PAGE + 5 && !take_fault(fd, &fault));
	CHECK(fault.reason == ISOCL_FAULT_NOT_OWNED && fault.side == ISOCL_SIDE_CPU);
	CHECK(fault.address == address_of(buffer.at) + PAGE + 5 && fault.sequence == 0);

	CHECK(!sync_part(fd, buffer.handle, 0, 4 * PAGE, ISOCL_SYNC_TO_CPU));
	CHECK(cpu_may_touch(buffer.at + PAGE + 5) && buffer.at[4 * PAGE - 1] == 7);
	CHECK(!statistics(fd, ISOCL_SCOPE_FILE).device_entries);
}

static void parts_change_hands_by_themselves(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 4 * PAGE, ISOCL_BUFFER_OWNERSHIP);
	unsigned int round;

	for (round = 1; round < 20; round++) {
		buffer.at[PAGE] = round;
		CHECK(!sync_part(fd, buffer.handle, PAGE, 2 * PAGE, ISOCL_SYNC_TO_DEVICE));
		CHECK(cpu_may_touch(buffer.at) && cpu_may_touch(buffer.at + 3 * PAGE));
		CHECK(!cpu_may_touch(buffer.at + PAGE) && !cpu_may_touch(buffer.at + 3 * PAGE - 1));
		CHECK(!device_copy(fd, buffer.at + 2 * PAGE, buffer.at + PAGE, 1));
		CHECK(device_fill(fd, buffer.at, 1, 1) == -EFAULT);
		/* Handing over what is there already changes nothing. */
		CHECK(!sync_part(fd, buffer.handle, PAGE, PAGE, ISOCL_SYNC_TO_DEVICE));
		CHECK(!sync_part(fd, buffer.handle, 0, 4 * PAGE, ISOCL_SYNC_TO_CPU));
		CHECK(buffer.at[2 * PAGE] == round);
	}
}

static void the_system_may_not_touch_either(void)
{
	int fd = open_device(), pipes[2];
	struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_OWNERSHIP);

	CHECK(!pipe(pipes));
	CHECK(!sync_part(fd, buffer.handle, 0, PAGE, ISOCL_SYNC_TO_DEVICE));
	CHECK_ERRNO(write(pipes[1], buffer.at, 8), EFAULT);
}

static void a_new_mapping_keeps_the_owner(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, 2 * PAGE, ISOCL_BUFFER_OWNERSHIP);

	CHECK(!sync_part(fd, buffer.handle, PAGE, PAGE, ISOCL_SYNC_TO_DEVICE));
	CHECK(!device_fill(fd, buffer.at + PAGE, PAGE, 5));
	unmap(&buffer);
	CHECK_ERRNO(sync_part(fd, buffer.handle, 0, PAGE, ISOCL_SYNC_TO_CPU), EINVAL);
	buffer.at = map_at(fd, &buffer, NULL, 0);
	CHECK(buffer.at != MAP_FAILED && cpu_may_touch(buffer.at));
	CHECK(!cpu_may_touch(buffer.at + PAGE) && !device_fill(fd, buffer.at + PAGE, 1, 6));
	CHECK(!sync_part(fd, buffer.handle, 0, 2 * PAGE, ISOCL_SYNC_TO_CPU));
	CHECK(buffer.at[PAGE] == 6 && buffer.at[2 * PAGE - 1] == 5);
}

static void arguments_are_checked(void)
{
	int fd = open_device();
	struct buffer owned = create_and_map(fd, 2 * PAGE, ISOCL_BUFFER_OWNERSHIP);
	struct buffer plain = create_and_map(fd, 2 * PAGE, 0);
	struct isocl_sync odd = { .size = sizeof(odd), .handle = owned.handle, .length = PAGE,
				  .direction = ISOCL_SYNC_TO_CPU, .pad = 1 };

	CHECK_ERRNO(sync_part(fd, owned.handle, 0, PAGE, 0), EINVAL);
	CHECK_ERRNO(sync_part(fd, owned.handle, 0, PAGE, 3), EINVAL);
	CHECK_ERRNO(sync_part(fd, owned.handle, 0, 3 * PAGE, ISOCL_SYNC_TO_CPU), EINVAL);
	CHECK_ERRNO(sync_part(fd, owned.handle, 5, PAGE, ISOCL_SYNC_TO_CPU), EINVAL);
	CHECK_ERRNO(sync_part(fd, 77, 0, PAGE, ISOCL_SYNC_TO_CPU), ENOENT);
	CHECK_ERRNO(call(fd, ISOCL_IOC_SYNC, &odd), EINVAL);
	/* Coherent memory has no owner: both may touch it, whoever it was handed to. */
	CHECK(!sync_part(fd, plain.handle, 0, 2 * PAGE, ISOCL_SYNC_TO_DEVICE));
	CHECK(cpu_may_touch(plain.at) && !device_fill(fd, plain.at, PAGE, 1));
}

const struct group ownership_group = {
	"ownership", "", 20,
	TESTS(TEST(the_wrong_sides_touch_is_recorded), TEST(parts_change_hands_by_themselves),
	      TEST(the_system_may_not_touch_either), TEST(a_new_mapping_keeps_the_owner),
	      TEST(arguments_are_checked)),
};
