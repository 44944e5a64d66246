/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A temporary directory for a test, and files in it. Include it after cmocka.h. */
#ifndef V2METER_TESTS_TEMPORARY_H
#define V2METER_TESTS_TEMPORARY_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char temporary_directory[64];

static inline int make_temporary(void **state)
{
	(void)state;
	snprintf(temporary_directory, sizeof(temporary_directory), "/tmp/v2m-unit-XXXXXX");
	return mkdtemp(temporary_directory) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int remove_temporary(void **state)
{
	(void)state;
	return nftw(temporary_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the directory, in one of four buffers used in turn. */
static inline const char *temporary_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", temporary_directory, name);
	return path;
}

static inline const char *temporary_file(const char *name, const char *text)
{
	const char *path = temporary_path(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	return path;
}

#endif
