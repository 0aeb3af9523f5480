// SPDX-License-Identifier: GPL-2.0-only
/*
 * Death at random moments: nothing of a killed process stays behind. ISOCL_KILLS chooses how many die.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

/* Uses everything the driver has, until it is killed. */
static _Noreturn void live(unsigned int seed)
{
	struct buffer buffers[16];
	unsigned int used = 0, i;
	int fd = open_device();

	mirror(fd, 64 * GIB, 64 * GIB, 0, NULL);
	mmap((void *)(65 * GIB), 64 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	for (;;) {
		struct isocl_op ops[3];
		unsigned int choice = rand_r(&seed) % 8;

		if (used < 16) {
			i = used++;
			buffers[i] = create_and_map(fd, (1 + rand_r(&seed) % 64) * PAGE,
						    rand_r(&seed) % 3);
			buffers[i].at[0] = 1;
			continue;
		}
		i = rand_r(&seed) % 16;
		ops[0] = (struct isocl_op){ .opcode = ISOCL_OP_FILL,
					    .destination = address_of(buffers[i].at),
					    .length = buffers[i].length, .data = address_of(&seed),
					    .data_length = 4 };
		ops[1] = (struct isocl_op){ .opcode = ISOCL_OP_COPY, .source = 65 * GIB,
					    .destination = address_of(buffers[i].at),
					    .length = buffers[i].length };
		ops[2] = (struct isocl_op){ .opcode = ISOCL_OP_ATOMIC, .width = 8,
					    .destination = address_of(buffers[i].at),
					    .length = choice == 7 ? ~0ULL : 100 };
		if (choice >= 3) {
			submit(fd, ops, 3, NULL);
		} else if (choice == 0) {
			munmap(buffers[i].at, buffers[i].length);
			destroy(fd, buffers[i].handle);
			buffers[i] = buffers[--used];
		} else if (choice == 1) {
			discard(fd, buffers[i].handle, 0, PAGE);
			populate(fd, buffers[i].handle, 0, buffers[i].length);
		} else {
			sync_part(fd, buffers[i].handle, 0, PAGE, ISOCL_SYNC_TO_DEVICE);
			madvise((void *)(65 * GIB), 16 * PAGE, MADV_DONTNEED);
		}
	}
}

static void processes_killed_at_random_moments_leave_nothing(void)
{
	unsigned int seed = now(), kills = setting("ISOCL_KILLS", 200), round;

	for (round = 0; round < kills; round++) {
		int status;
		pid_t child = fork();

		if (!child)
			live(seed + round);
		usleep(rand_r(&seed) % 30000);
		kill(child, SIGKILL);
		CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
		CHECK(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGBUS);
	}
}

const struct group storm_group = {
	"storm", "", 100,
	TESTS(TEST(processes_killed_at_random_moments_leave_nothing)),
};
