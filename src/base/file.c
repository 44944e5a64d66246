// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

int v2m_read_file(const char *path, size_t max, char **text, size_t *length)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	V2M_FREE char *buffer = NULL;
	size_t used = 0;
	size_t size = 0;

	if (!file)
		return -errno;
	do {
		char *grown;

		size = size ? 2 * size : 4096;
		grown = realloc(buffer, size);
		if (!grown)
			return -ENOMEM;
		buffer = grown;
		used += fread(buffer + used, 1, size - 1 - used, file);
		if (used > max)
			return -EFBIG;
	} while (used == size - 1);
	if (ferror(file))
		return errno ? -errno : -EIO;
	buffer[used] = 0;
	*text = V2M_TAKE(buffer);
	*length = used;
	return 0;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

/* A rename is durable once the directory is. */
static int sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	V2M_CLOSE int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) ? -errno : 0;
}

int v2m_write_file(const char *path, const char *text, size_t length, unsigned mode)
{
	char temporary[PATH_MAX];
	V2M_CLOSE int fd = -1;
	int result;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	/* One that an earlier crash left behind may have other permissions. */
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	result = write_all(fd, text, length);
	if (result == 0 && rename(temporary, path))
		result = -errno;
	if (result) {
		unlink(temporary);
		return result;
	}
	return sync_directory_of(path);
}
