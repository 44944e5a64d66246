/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The child of a test program, for tests of those who keep one. */
#ifndef V2METER_TESTS_OWN_CHILD_H
#define V2METER_TESTS_OWN_CHILD_H

#include <stdio.h>
#include <unistd.h>

/* The child of this process; 0: there is none. */
static inline pid_t child(void)
{
	char path[64];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

#endif
