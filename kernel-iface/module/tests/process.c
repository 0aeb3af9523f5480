// SPDX-License-Identifier: GPL-2.0-only
/* Processes: fork, exec, death, and files that travel. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device.h"

static void expect_child(pid_t child)
{
	int status;

	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/* Every call but the two that tell of the device is refused in another process. */
static bool is_foreign(int fd)
{
	struct isocl_buffer_create create = { .size = sizeof(create), .length = PAGE };
	struct isocl_query query = { .size = sizeof(query) };
	struct isocl_statistics statistics = { .size = sizeof(statistics) };
	unsigned int number;

	if (call(fd, ISOCL_IOC_QUERY, &query) || call(fd, ISOCL_IOC_STATISTICS, &statistics))
		return false;
	for (number = 1; number < 0x0C; number++)
		if (call(fd, _IO(ISOCL_IOC_TYPE, number), &create) != -1 || errno != EXDEV)
			return false;
	return true;
}

static void a_forked_child_has_neither_file_nor_memory(void)
{
	int fd = open_device(), status;
	struct buffer buffer = create_and_map(fd, 4 * PAGE, 0);
	pid_t child;

	buffer.at[0] = 12;
	child = fork();
	if (!child) {
		struct buffer second = { .length = 4 * PAGE, .offset = buffer.offset };
		bool good = is_foreign(fd);

		good &= map_at(fd, &second, NULL, 0) == MAP_FAILED && errno == EXDEV;
		good &= msync(buffer.at, PAGE, 0) == -1 && errno == ENOMEM;
		_exit(!good);
	}
	expect_child(child);
	child = fork();
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		buffer.at[0] = 1;
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK(buffer.at[0] == 12 && !device_fill(fd, buffer.at, 8, 3) && buffer.at[0] == 3);
	/* The child may open the node itself, and use the same addresses. */
	child = fork();
	if (!child) {
		int own = open_device();
		struct buffer mine = create(own, 4 * PAGE, 0);

		mine.at = map_at(own, &mine, buffer.at, MAP_FIXED);
		CHECK(mine.at == buffer.at && mine.at[0] == 0);
		CHECK(!device_fill(own, mine.at, 8, 9) && mine.at[0] == 9);
		_exit(0);
	}
	expect_child(child);
	CHECK(buffer.at[0] == 3);
}

/* Sends a descriptor over a socket, and receives one. */
static void send_file(int socket, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { "x", 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	CHECK(sendmsg(socket, &message, 0) == 1);
}

static int receive_file(int socket)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	int fd;

	CHECK(recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static void a_file_that_is_sent_away_is_of_no_use_there(void)
{
	int fd = open_device(), sockets[2];
	struct buffer buffer = create_and_map(fd, PAGE, 0);
	pid_t child;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	if (!child) {
		close(fd);
		_exit(!is_foreign(receive_file(sockets[1])));
	}
	send_file(sockets[0], fd);
	expect_child(child);
	CHECK(!device_fill(fd, buffer.at, 8, 1));
}

/* The owner dies while somebody else keeps the file: nothing of its memory stays. */
static void a_dead_owner_leaves_an_empty_file(void)
{
	int sockets[2], status, got, tries = 0;
	pid_t child;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	child = fork();
	if (!child) {
		int fd = open_device();
		struct buffer buffer = create_and_map(fd, 64 * PAGE, 0);
		struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = 3000000000 };
		struct isocl_op touch = { .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = ~0ULL,
					  .destination = address_of(buffer.at) };

		CHECK(!submit(fd, &touch, 1, NULL) && !submit(fd, &slow, 1, NULL));
		send_file(sockets[1], fd);
		raise(SIGKILL);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	got = receive_file(sockets[0]);
	CHECK(is_foreign(got));
	while (statistics(got, ISOCL_SCOPE_FILE).device_entries && tries++ < 100)
		usleep(10000);
	CHECK(!statistics(got, ISOCL_SCOPE_FILE).device_entries);
}

int after_exec(int fd)
{
	int tries = 0;

	while (statistics(fd, ISOCL_SCOPE_FILE).device_entries && tries++ < 100)
		usleep(10000);
	return !is_foreign(fd) || statistics(fd, ISOCL_SCOPE_FILE).device_entries ||
	       mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1UL << 43) != MAP_FAILED ||
	       errno != EXDEV;
}

static _Noreturn void execute(int fd)
{
	char number[16];
	char *const arguments[] = { "isocl-module-test", "--after-exec", number, NULL };

	snprintf(number, sizeof(number), "%d", fd);
	execv("/proc/self/exe", arguments);
	_exit(1);
}

static void a_file_kept_over_exec_is_foreign(void)
{
	int fd = open_device();
	struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);
	pid_t child;

	CHECK(!fcntl(fd, F_SETFD, 0));
	/* First another process image, which borrows this one's memory until exec. */
	child = vfork();
	if (!child)
		execute(fd);
	expect_child(child);
	CHECK(!device_fill(fd, buffer.at, 8, 4) && buffer.at[7] == 4);

	/* Then an owner that changes its image while the device works. */
	child = fork();
	if (!child) {
		int own = open_device();
		struct buffer mine = create_and_map(own, PAGE, 0);
		struct isocl_op endless = { .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = ~0ULL,
					    .destination = address_of(mine.at) };

		CHECK(!fcntl(own, F_SETFD, 0) && !submit(own, &endless, 1, NULL));
		execute(own);
	}
	expect_child(child);
}

static void exiting_does_not_wait_for_pending_work(void)
{
	uint64_t began = now();
	pid_t child = fork();

	if (!child) {
		struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = ISOCL_MAX_DELAY };
		int fd = open_device();

		create_and_map(fd, PAGE, 0);
		CHECK(!submit(fd, &slow, 1, NULL) && !submit(fd, &slow, 1, NULL));
		exit(0);
	}
	expect_child(child);
	CHECK(now() - began < 5000000000);
}

static void closing_does_not_wait_for_pending_work(void)
{
	struct isocl_op slow = { .opcode = ISOCL_OP_DELAY, .length = ISOCL_MAX_DELAY };
	struct isocl_op endless = { .opcode = ISOCL_OP_ATOMIC, .width = 8, .length = ~0ULL };
	uint64_t began = now();
	int fd, i;

	for (i = 0; i < 4; i++) {
		fd = open_device();
		if (i % 2) {
			struct buffer buffer = create_and_map(fd, PAGE, ISOCL_BUFFER_LAZY);

			endless.destination = address_of(buffer.at);
			CHECK(!submit(fd, &endless, 1, NULL) && !submit(fd, &endless, 1, NULL));
			unmap(&buffer);
		} else {
			CHECK(!submit(fd, &slow, 1, NULL) && !submit(fd, &slow, 1, NULL));
		}
		close(fd);
	}
	CHECK(now() - began < 5000000000);
}

static int shared_fd;

static void *live_a_life(void *argument)
{
	unsigned int seed = address_of(argument), round;

	for (round = 0; round < 60; round++) {
		struct buffer buffer = create_and_map(shared_fd, (1 + rand_r(&seed) % 40) * PAGE,
						      round % 2);
		size_t at = rand_r(&seed) % buffer.length;

		CHECK(!device_fill(shared_fd, buffer.at + at / 2, buffer.length - at, round + 1));
		CHECK(buffer.at[at / 2] == round + 1);
		if (round % 2)
			CHECK(!discard(shared_fd, buffer.handle, 0, buffer.length));
		CHECK(round % 2 == 0 || buffer.at[at / 2] == 0);
		unmap_and_destroy(shared_fd, &buffer);
	}
	return NULL;
}

static void threads_share_a_file(void)
{
	pthread_t threads[4];
	uintptr_t i;

	shared_fd = open_device();
	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, live_a_life, (void *)(i + 1)));
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(!statistics(shared_fd, ISOCL_SCOPE_FILE).buffers);
}

const struct group process_group = {
	"process", "", 40,
	TESTS(TEST(a_forked_child_has_neither_file_nor_memory),
	      TEST(a_file_that_is_sent_away_is_of_no_use_there),
	      TEST(a_dead_owner_leaves_an_empty_file), TEST(a_file_kept_over_exec_is_foreign),
	      TEST(exiting_does_not_wait_for_pending_work),
	      TEST(closing_does_not_wait_for_pending_work), TEST(threads_share_a_file)),
};
