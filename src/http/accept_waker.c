// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/accept_waker.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "base/cleanup.h"

#define PAUSE_NS 2000000
/* How long a connect may wait for a place in the listener's queue. */
#define CONNECT_TIMEOUT_US 100000

/* Whether the socket is connected to itself. The kernel does that if nobody listens and the port is
 * one that it takes for outgoing connections. */
static bool is_connected_to_itself(int fd, const struct sockaddr_in *address)
{
	struct sockaddr_in own = { 0 };
	socklen_t size = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
	       own.sin_port == address->sin_port;
}

/* Connects once. False: certainly nobody listens. The socket is a blocking one. A non-blocking one
 * gets EINPROGRESS even from a closed port of this host (1,000 times of 1,000 on Linux 6). */
static bool try_connect(const struct sockaddr_in *address)
{
	const struct timeval timeout = { .tv_usec = CONNECT_TIMEOUT_US };
	V2M_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)))
		return false;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return errno == EINPROGRESS;
	return !is_connected_to_itself(fd, address);
}

static void *keep_connecting(void *argument)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct v2m_accept_waker *waker = argument;

	while (!__atomic_load_n(&waker->done, __ATOMIC_RELAXED) && try_connect(&waker->address))
		nanosleep(&pause, NULL);
	return NULL;
}

void v2m_accept_waker_start(struct v2m_accept_waker *waker, const struct sockaddr_in *address)
{
	*waker = (struct v2m_accept_waker){ .address = *address };
	waker->started = pthread_create(&waker->thread, NULL, keep_connecting, waker) == 0;
}

void v2m_accept_waker_stop(struct v2m_accept_waker *waker)
{
	__atomic_store_n(&waker->done, true, __ATOMIC_RELAXED);
	if (waker->started)
		pthread_join(waker->thread, NULL);
}
