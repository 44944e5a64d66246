// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/knock.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "core/util.h"

#define PAUSE_NS 2000000

static bool opens(const struct sockaddr_in *door)
{
	V2M_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)door, sizeof(*door)) == 0 ||
			   errno == EINPROGRESS);
}

static void *run(void *argument)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct v2m_knock *knock = argument;

	while (!__atomic_load_n(&knock->done, __ATOMIC_RELAXED) && opens(&knock->door))
		nanosleep(&pause, NULL);
	return NULL;
}

void v2m_knock_begin(struct v2m_knock *knock, const struct sockaddr_in *door)
{
	*knock = (struct v2m_knock){ .door = *door };
	knock->started = pthread_create(&knock->thread, NULL, run, knock) == 0;
}

void v2m_knock_end(struct v2m_knock *knock)
{
	__atomic_store_n(&knock->done, true, __ATOMIC_RELAXED);
	if (knock->started)
		pthread_join(knock->thread, NULL);
}
