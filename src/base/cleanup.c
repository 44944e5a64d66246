// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void v2m_freep(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;

	free(*pointer);
}

void v2m_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void v2m_fclosep(void *pointer_to_file)
{
	FILE **file = pointer_to_file;

	if (*file)
		fclose(*file);
}
