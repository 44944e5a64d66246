// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "proxyapi/wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"

static int wait_for(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd entry = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now_ns = v2m_clock_mono_ns();
		int n;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		n = poll(&entry, 1, (int)((deadline_ns - now_ns) / 1000000 + 1));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int v2m_wait_until(int fd, bool wants_write, uint64_t deadline_ns)
{
	return wait_for(fd, wants_write ? POLLIN | POLLOUT : POLLIN, deadline_ns);
}

int v2m_wait_connected(int fd, uint64_t deadline_ns)
{
	socklen_t size = sizeof(int);
	int error = 0;
	int result = wait_for(fd, POLLOUT, deadline_ns);

	if (!result && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return -errno;
	return result ? result : -error;
}
