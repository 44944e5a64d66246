// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
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

int v2m_error_set(struct v2m_error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return code;
}

uint64_t v2m_clock_mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t v2m_clock_real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

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
