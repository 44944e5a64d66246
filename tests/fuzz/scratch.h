/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory for the files of a fuzz target, removed at the end. It is in memory where /dev/shm
 * is: fsync(2) would take most of the time otherwise. */
#ifndef V2METER_TESTS_FUZZ_SCRATCH_H
#define V2METER_TESTS_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

#include "fuzz.h"

static char scratch_directory[64];

static int scratch_remove_one(const char *path, const struct stat *status, int type,
			      struct FTW *walk)
{
	(void)status;
	(void)type;
	/* The directory itself is left. */
	return walk->level ? remove(path) : 0;
}

/* Removes what is in the directory. */
static inline void scratch_empty(void)
{
	if (*scratch_directory)
		nftw(scratch_directory, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void scratch_remove(void)
{
	scratch_empty();
	rmdir(scratch_directory);
}

static inline const char *scratch(void)
{
	if (*scratch_directory)
		return scratch_directory;
	snprintf(scratch_directory, sizeof(scratch_directory), "%s/v2m-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_CHECK(mkdtemp(scratch_directory));
	atexit(scratch_remove);
	return scratch_directory;
}

/* Writes a file of the directory. The path stays until the next call. */
static inline const char *scratch_file(const char *name, const void *data, size_t size)
{
	static char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scratch(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
	return path;
}

#endif
