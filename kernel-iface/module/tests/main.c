// SPDX-License-Identifier: GPL-2.0-only
/*
 * isocl-module-test GROUP...: runs the tests of these groups on the module that is loaded.
 * --list: the groups, each with the parameters that the module is to be loaded with.
 * --after-exec: used by a test of the group process.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static const struct group *const groups[] = {
	&query_group, &placement_group, &reserved_group, &tiny_group, &buffer_group, &limit_group,
	&handles_group, &engine_group, &mirror_group, &narrow_mirror_group, &ownership_group,
	&process_group, &storm_group, &fuzz_group,
};

#define COUNT (sizeof(groups) / sizeof(groups[0]))

_Noreturn void fail(const char *file, int line, const char *what)
{
	int error = errno;

	printf("    %s:%d: not so: %s (%s)\n", file, line, what, strerror(error));
	fflush(stdout);
	_exit(1);
}

unsigned long long setting(const char *name, unsigned long long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* What a dead process had goes a moment after it is gone. */
static bool nothing_is_left(void)
{
	struct isocl_statistics left;
	int tries;

	for (tries = 0; tries < 200; tries++) {
		int fd = open_device();

		left = statistics(fd, ISOCL_SCOPE_DEVICE);
		close(fd);
		if (left.files == 1 && !left.buffers && !left.pages && !left.device_entries &&
		    !left.mirrors && !left.submissions)
			return true;
		usleep(10000);
	}
	printf("    left behind: %llu files, %llu buffers, %llu pages, %llu entries, %llu mirrors, %llu submissions\n",
	       left.files - 1, left.buffers, left.pages, left.device_entries, left.mirrors,
	       left.submissions);
	return false;
}

static bool run_test(const struct group *group, const struct test *test)
{
	uint64_t began = now();
	bool good;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		/* Its own children go with it when it is killed. */
		setpgid(0, 0);
		alarm(group->seconds);
		test->run();
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		status = -1;
	kill(-child, SIGKILL);
	good = status == 0;
	if (WIFSIGNALED(status))
		printf("    killed by signal %d\n", WTERMSIG(status));
	good = nothing_is_left() && good;
	printf("%s %5llu ms  %s: %s\n", good ? "ok  " : "FAIL",
	       (unsigned long long)(now() - began) / 1000000, group->name, test->name);
	return good;
}

int main(int argc, char **argv)
{
	unsigned int passed = 0, failed = 0, i;
	int argument;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (i = 0; i < COUNT; i++)
			printf("%s\t%s\n", groups[i]->name, groups[i]->parameters);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "--after-exec"))
		return after_exec(atoi(argv[2]));
	for (argument = 1; argument < argc; argument++) {
		const struct group *group = NULL;
		const struct test *test;

		for (i = 0; i < COUNT; i++)
			if (!strcmp(groups[i]->name, argv[argument]))
				group = groups[i];
		if (!group) {
			fprintf(stderr, "there is no group %s\n", argv[argument]);
			return 2;
		}
		for (test = group->tests; test->name; test++) {
			if (run_test(group, test))
				passed++;
			else
				failed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
