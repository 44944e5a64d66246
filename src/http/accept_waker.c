// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/accept_waker.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "core/util.h"

#define PAUSE_NS 2000000

static bool connects(const struct sockaddr_in *address)
{
	V2M_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EINPROGRESS);
}

static void *run(void *argument)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct v2m_accept_waker *waker = argument;

	while (!__atomic_load_n(&waker->done, __ATOMIC_RELAXED) && connects(&waker->address))
		nanosleep(&pause, NULL);
	return NULL;
}

void v2m_accept_waker_start(struct v2m_accept_waker *waker, const struct sockaddr_in *address)
{
	*waker = (struct v2m_accept_waker){ .address = *address };
	waker->started = pthread_create(&waker->thread, NULL, run, waker) == 0;
}

void v2m_accept_waker_stop(struct v2m_accept_waker *waker)
{
	__atomic_store_n(&waker->done, true, __ATOMIC_RELAXED);
	if (waker->started)
		pthread_join(waker->thread, NULL);
}
