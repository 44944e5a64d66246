// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "http/accept_waker.h"

/* Binds a free port of this host. */
static int take_port(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static void assert_ends_by_itself(struct v2m_accept_waker *waker)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	assert_true(waker->started);
	assert_int_equal(pthread_timedjoin_np(waker->thread, NULL, &until), 0);
}

/* The next process that listens there, perhaps a restarted daemon, must not get these connections.
 */
static void it_ends_when_nobody_listens(void **state)
{
	struct v2m_accept_waker waker;
	struct sockaddr_in address;
	int fd = take_port(&address);

	(void)state;
	v2m_accept_waker_start(&waker, &address);
	assert_ends_by_itself(&waker);
	close(fd);
}

static void it_connects_until_the_listener_is_closed(void **state)
{
	struct v2m_accept_waker waker;
	struct sockaddr_in address;
	int fd = take_port(&address);

	(void)state;
	assert_int_equal(listen(fd, 1), 0);
	v2m_accept_waker_start(&waker, &address);
	for (int i = 0; i < 10; i++) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int connection;

		assert_int_equal(poll(&ready, 1, 10000), 1);
		connection = accept(fd, NULL, NULL);
		assert_true(connection >= 0);
		close(connection);
	}
	close(fd);
	assert_ends_by_itself(&waker);
}

static void it_can_be_stopped_if_nobody_accepts(void **state)
{
	struct v2m_accept_waker waker;
	struct sockaddr_in address;
	int fd = take_port(&address);

	(void)state;
	assert_int_equal(listen(fd, 0), 0);
	v2m_accept_waker_start(&waker, &address);
	v2m_accept_waker_stop(&waker);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_when_nobody_listens),
		cmocka_unit_test(it_connects_until_the_listener_is_closed),
		cmocka_unit_test(it_can_be_stopped_if_nobody_accepts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
