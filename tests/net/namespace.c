// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "namespace.h"
#include "base/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKIPPED 77

void enter_own_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return;
	fprintf(stderr, "SKIP: no network namespace can be made: %s\n", strerror(errno));
	exit(SKIPPED);
}

int shell(const char *format, ...)
{
	char command[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

bool wait_until(bool (*condition)(void *context), void *context)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	uint64_t end = v2m_clock_mono_ns() + 5000000000u;

	while (!condition(context)) {
		if (v2m_clock_mono_ns() > end)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
