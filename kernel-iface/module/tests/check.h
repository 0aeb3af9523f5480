/* SPDX-License-Identifier: GPL-2.0-only */
/* A small framework: tests run in processes of their own, and leave nothing behind in the module. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
};

struct group {
	const char *name;
	/* Parameters that the module is to be loaded with. */
	const char *parameters;
	/* Seconds that one test may take. */
	unsigned int seconds;
	const struct test *tests;
};

/* Ends the test when condition does not hold. */
#define CHECK(condition)                                                              \
	do {                                                                          \
		if (!(condition))                                                     \
			fail(__FILE__, __LINE__, #condition);                         \
	} while (0)

/* The expression fails with this error number, and with no other. */
#define CHECK_ERRNO(expression, number)                                               \
	do {                                                                          \
		errno = 0;                                                            \
		bool failed_ = (long)(expression) == -1;                              \
		if (!failed_ || errno != (number))                                    \
			fail(__FILE__, __LINE__, #expression " fails with " #number); \
	} while (0)

_Noreturn void fail(const char *file, int line, const char *what);
/* A number from the environment. */
unsigned long long setting(const char *name, unsigned long long otherwise);

/* What the program does when it is started by a test, with the number of a file that is left open. */
int after_exec(int fd);

#define TESTS(...) ((const struct test[]){ __VA_ARGS__, { NULL, NULL } })
#define TEST(function) { #function, function }

extern const struct group query_group, placement_group, reserved_group, tiny_group, buffer_group,
	limit_group, handles_group, engine_group, mirror_group, narrow_mirror_group, ownership_group,
	process_group, storm_group, fuzz_group;

#endif
