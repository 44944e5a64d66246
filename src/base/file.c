// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

#define FIRST_READ 4096

/* An array (base/array.h). */
struct bytes {
	char *items;
	size_t count;
	size_t capacity;
};

static void clear_bytes(struct bytes *bytes)
{
	v2m_array_clear(bytes);
}

int v2m_read_file(const char *path, size_t max, char **text, size_t *length)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	V2M_CLEANUP(clear_bytes) struct bytes bytes = { 0 };
	size_t taken;

	if (!file)
		return -errno;
	do {
		if (v2m_array_reserve(&bytes, FIRST_READ))
			return -ENOMEM;
		taken = fread(bytes.items + bytes.count, 1, bytes.capacity - 1 - bytes.count, file);
		bytes.count += taken;
		if (bytes.count > max)
			return -EFBIG;
	} while (taken);
	if (ferror(file))
		return errno ? -errno : -EIO;
	bytes.items[bytes.count] = 0;
	*length = bytes.count;
	*text = V2M_TAKE(bytes.items);
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

/* A rename survives a power cut only when the directory is on the disk. */
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
	/* A file that an earlier crash left may have other permissions. */
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

int v2m_make_directories(const char *path, unsigned parents_mode, unsigned mode)
{
	char parent[PATH_MAX];

	if (snprintf(parent, sizeof(parent), "%s", path) >= (int)sizeof(parent))
		return -ENAMETOOLONG;
	for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(parent, parents_mode) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}
