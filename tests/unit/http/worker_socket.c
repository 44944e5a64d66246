// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The socket calls of civetweb's workers, seen from a client and from /proc. */
#include <dirent.h>
#include <linux/tcp.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "http/worker_socket.h"
#include "unit/http/http_fixture.h"

#define REQUEST     "GET /api/traffic/simple HTTP/1.1\r\nHost: x\r\nX-API-Key: test-key\r\n\r\n"
#define WAIT_NS     UINT64_C(5000000000)
#define PATIENCE_US 50000
/* More answers than the buffers of both sockets hold. */
#define REQUESTS_MAX 2000

static unsigned segments_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	return info.tcpi_data_segs_in;
}

/* An answer of more than one page, so that copying the body behind the headers is no way out. */
static void the_head_and_the_body_leave_together(void **state)
{
	int fd = client_connect(server.port);
	unsigned before = segments_of(fd);

	(void)state;
	/* The first one is sent without blocking, the second one with it. */
	for (int i = 0; i < 3; i++) {
		struct client_answer answer;

		client_send(fd, REQUEST);
		answer = client_read(fd, false);
		assert_int_equal(answer.status, 200);
		assert_in_range(answer.length, 4096, 60000);
		client_answer_free(&answer);
	}
	assert_int_equal(segments_of(fd) - before, 3);
	close(fd);
}

/* The other end of a connection of this process. */
static int server_end_of(int fd)
{
	struct sockaddr_in own = { 0 };

	getsockname(fd, (struct sockaddr *)&own, &(socklen_t){ sizeof(own) });
	for (int other = 0; other < 1024; other++) {
		struct sockaddr_in peer = { 0 };
		socklen_t size = sizeof(peer);

		if (getpeername(other, (struct sockaddr *)&peer, &size) == 0 &&
		    peer.sin_family == AF_INET && peer.sin_port == own.sin_port)
			return other;
	}
	return -1;
}

/* Whether a thread waits in recv() on a socket. */
static bool waits_on(const char *task, int fd)
{
	unsigned long socket;
	char path[300];
	long number;
	bool waits;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", task);
	file = fopen(path, "r");
	if (!file)
		return false;
	waits = fscanf(file, "%ld %lx", &number, &socket) == 2 && number == SYS_recvfrom &&
		socket == (unsigned long)fd;
	fclose(file);
	return waits;
}

static bool is_waited_on(int fd)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	bool is = false;

	assert_non_null(tasks);
	while ((task = readdir(tasks)))
		is |= task->d_name[0] != '.' && waits_on(task->d_name, fd);
	closedir(tasks);
	return is;
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

/* Not in poll(), which would be followed by recv(). */
static void a_worker_waits_in_the_call_that_reads(void **state)
{
	uint64_t end_ns = v2m_clock_mono_ns() + WAIT_NS;
	struct client_answer answer;
	int fd = client_connect(server.port);
	int there;

	(void)state;
	client_send(fd, REQUEST);
	answer = client_read(fd, false);
	client_answer_free(&answer);
	there = server_end_of(fd);
	assert_int_not_equal(there, -1);
	while (!is_waited_on(there)) {
		assert_true(v2m_clock_mono_ns() < end_ns);
		pause_a_little();
	}
	close(fd);
}

/* Whether a client that takes no answer is given up before civetweb alone would look again, which
 * it does after two seconds. */
static bool is_given_up_soon(void)
{
	const struct timeval soon = { .tv_usec = PATIENCE_US };
	uint64_t end_ns;
	struct timeval patience = { 0 };
	struct client_answer answer;
	int fd = client_connect(server.port);
	int there;
	bool is_open;

	client_send(fd, REQUEST);
	answer = client_read(fd, false);
	client_answer_free(&answer);
	there = server_end_of(fd);
	assert_int_not_equal(there, -1);
	getsockopt(there, SOL_SOCKET, SO_SNDTIMEO, &patience, &(socklen_t){ sizeof(patience) });
	assert_int_equal(patience.tv_sec, V2M_WORKER_PATIENCE_S);
	setsockopt(there, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	/* The buffers are full when a request stays unread. civetweb has read many then, and would
	 * try to answer each of them. */
	for (int i = 0; i < REQUESTS_MAX; i++)
		if (send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	end_ns = v2m_clock_mono_ns() + WAIT_NS / 4;
	while ((is_open = server_end_of(fd) == there) && v2m_clock_mono_ns() < end_ns)
		pause_a_little();
	close(fd);
	return !is_open;
}

/* On a busy machine a server may be late, but not each time. */
static void a_client_that_takes_no_answer_is_given_up(void **state)
{
	bool is_soon = false;

	(void)state;
	for (int i = 0; i < 3 && !is_soon; i++)
		is_soon = is_given_up_soon();
	assert_true(is_soon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(the_head_and_the_body_leave_together),
		HTTP_TEST(a_worker_waits_in_the_call_that_reads),
		HTTP_TEST(a_client_that_takes_no_answer_is_given_up),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
