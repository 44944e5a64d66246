// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

static int read_stream(FILE *file, size_t max, char **text, size_t *length)
{
	V2M_CLEANUP(clear_bytes) struct bytes bytes = { 0 };
	size_t taken;

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

int v2m_read_file(const char *path, size_t max, char **text, size_t *length)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");

	return file ? read_stream(file, max, text, length) : -errno;
}

static const char *name_type(mode_t mode)
{
	if (S_ISFIFO(mode))
		return "a FIFO";
	if (S_ISSOCK(mode))
		return "a socket";
	return S_ISDIR(mode) ? "a directory" : "a device";
}

static int check_type(const char *path, const struct stat *status, struct v2m_error *error)
{
	if (S_ISREG(status->st_mode))
		return 0;
	return v2m_error_set(error, S_ISDIR(status->st_mode) ? -EISDIR : -EINVAL,
			     "%s: expected a regular file, got %s", path,
			     name_type(status->st_mode));
}

/* Files that the kernel makes up while they are read, and that may make a reader wait. */
static bool is_made_up(int fd)
{
	static const long types[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC };
	struct statfs file_system;

	for (size_t i = 0; fstatfs(fd, &file_system) == 0 && i < V2M_ARRAY_LEN(types); i++)
		if (file_system.f_type == types[i])
			return true;
	return false;
}

static int cannot_read(const char *path, int code, struct v2m_error *error)
{
	return v2m_error_set(error, code, "%s: cannot read it: %s", path, strerror(-code));
}

int v2m_open_regular(const char *path, struct v2m_error *error)
{
	V2M_CLOSE int fd = -1;
	struct stat status;
	int result;

	/* Before it is opened, since to open a device may do something. */
	if (stat(path, &status))
		return cannot_read(path, -errno, error);
	result = check_type(path, &status, error);
	if (result)
		return result;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status))
		return cannot_read(path, -errno, error);
	result = check_type(path, &status, error);
	if (result)
		return result;
	if (is_made_up(fd))
		return v2m_error_set(
			error, -EINVAL,
			"%s: expected a regular file, got one that the kernel makes up", path);
	return V2M_TAKE_FD(fd);
}

int v2m_read_regular(const char *path, size_t max, char **text, size_t *length,
		     struct v2m_error *error)
{
	V2M_CLOSE int fd = v2m_open_regular(path, error);
	V2M_FCLOSE FILE *file = NULL;
	int result;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	if (!file)
		return cannot_read(path, -errno, error);
	fd = -1;
	result = read_stream(file, max, text, length);
	if (result == -EFBIG)
		return v2m_error_set(error, result, "%s: expected at most %zu MiB", path,
				     max >> 20);
	return result ? cannot_read(path, result, error) : 0;
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
