// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "following/log_follower.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "following/access_line.h"

#define FINGERPRINT_LEN 64
/* A reader sees the first part of a write only if this is its end. Larger pages are multiples. */
#define PAGE_LEN 4096

/* An open file and the half line that was read of it. */
struct source {
	int fd; /* -1: not open */
	uint64_t device;
	uint64_t inode;
	uint64_t offset;      /* of the next byte to read; the half line is before it */
	size_t half;          /* bytes in line */
	bool skipping;        /* the rest of a line that is too long */
	size_t doubtful;      /* bytes behind the last line that a customer may have written */
	uint64_t told;        /* gaps before this offset were told when it was read first */
	uint64_t fingerprint; /* of the bytes before offset; 0: not known */
	char line[V2M_LOG_LINE_MAX];
};

struct v2m_log_follower {
	char *path;
	uint64_t tail_max;
	struct v2m_log_position start; /* for the first file that is opened; zeros: the tail */
	bool started;
	unsigned gaps;
	struct source now;
	/* The file that had the path before. Its writer may not know of the rotation yet. */
	struct source before;
};

/* The next byte that is read begins a line. */
static void begin_line(struct source *source)
{
	source->half = 0;
	source->skipping = false;
	source->doubtful = 0;
}

static void close_source(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
	begin_line(source);
}

/* The fingerprint of the bytes before the offset. False if they cannot be read. */
static bool fingerprint_of(int fd, uint64_t offset, uint64_t *fingerprint)
{
	char bytes[FINGERPRINT_LEN];
	size_t length = offset < sizeof(bytes) ? (size_t)offset : sizeof(bytes);

	if (pread(fd, bytes, length, (off_t)(offset - length)) != (ssize_t)length)
		return false;
	*fingerprint = v2m_fnv64(V2M_FNV64_START, bytes, length);
	return true;
}

/* Opens a file. -ENOENT if it is not there. */
static int open_source(struct source *source, const char *path, struct v2m_error *error)
{
	struct stat status;
	int fd = v2m_open_regular(path, error);

	if (fd < 0)
		return fd;
	if (fstat(fd, &status)) {
		int code = -errno;

		close(fd);
		return v2m_error_set(error, code, "%s: %s", path, strerror(-code));
	}
	close_source(source);
	source->fingerprint = 0;
	source->fd = fd;
	source->device = status.st_dev;
	source->inode = status.st_ino;
	source->offset = 0;
	source->told = 0;
	return 0;
}

static bool is_at(const struct source *source, const struct v2m_log_position *position)
{
	uint64_t fingerprint;

	return source->fd >= 0 && source->device == position->device &&
	       source->inode == position->inode &&
	       fingerprint_of(source->fd, position->offset, &fingerprint) &&
	       fingerprint == position->fingerprint;
}

/* Finds the file of the position under another name in the same directory, as logrotate leaves it.
 */
static bool find_rotated(const struct v2m_log_follower *follower,
			 const struct v2m_log_position *position, struct source *source)
{
	V2M_FREE char *directory = strdup(follower->path);
	char *slash = directory ? strrchr(directory, '/') : NULL;
	struct dirent *entry;
	bool found = false;
	DIR *names;

	if (!slash)
		return false;
	slash[1] = 0;
	names = opendir(directory);
	while (names && !found && (entry = readdir(names))) {
		char path[PATH_MAX];

		if (entry->d_ino != position->inode ||
		    (size_t)snprintf(path, sizeof(path), "%s%s", directory, entry->d_name) >=
			    sizeof(path))
			continue;
		found = !open_source(source, path, NULL) && is_at(source, position);
	}
	if (names)
		closedir(names);
	if (found)
		source->offset = position->offset;
	else
		close_source(source);
	return found;
}

/* Starts in the middle of the file: the line there is skipped up to its end. */
static int start_at_tail(struct v2m_log_follower *follower)
{
	struct stat status;

	if (fstat(follower->now.fd, &status))
		return -errno;
	if ((uint64_t)status.st_size > follower->tail_max) {
		/* One byte earlier, so that a line that begins right there is whole. */
		follower->now.offset = (uint64_t)status.st_size - follower->tail_max - 1;
		follower->now.skipping = true;
	}
	return 0;
}

/* Decides where the first read starts. */
static int start(struct v2m_log_follower *follower)
{
	follower->started = true;
	if (!follower->start.inode)
		return start_at_tail(follower);
	if (is_at(&follower->now, &follower->start))
		follower->now.offset = follower->start.offset;
	else if (!find_rotated(follower, &follower->start, &follower->before))
		follower->gaps |= V2M_LOG_REPLACED;
	return 0;
}

/* If the path leads to another file now, follows that too. */
static int follow_path(struct v2m_log_follower *follower, struct v2m_error *error)
{
	struct source next = { .fd = -1 };
	struct stat status;
	int result;

	if (stat(follower->path, &status)) {
		follower->gaps |= V2M_LOG_MISSING;
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	}
	if (follower->now.fd >= 0 && status.st_dev == follower->now.device &&
	    status.st_ino == follower->now.inode)
		return 0;
	result = open_source(&next, follower->path, error);
	if (result) {
		follower->gaps |= V2M_LOG_MISSING;
		return result == -ENOENT ? 0 : result;
	}
	if (follower->now.fd >= 0) {
		close_source(&follower->before);
		follower->before = follower->now;
	}
	follower->now = next;
	return follower->started ? 0 : start(follower);
}

static void hand_over(struct v2m_log_follower *follower, struct source *source, const char *text,
		      size_t length, v2m_log_line on_line, void *context)
{
	size_t doubtful = source->doubtful > length + 1 ? source->doubtful - length - 1 : 0;
	size_t reach = v2m_access_line_reach(text, length);
	struct v2m_access_line line;

	if (!source->doubtful)
		on_line(context, text, length);
	else if (source->offset > source->told && !v2m_access_line_parse(text, length, &line) &&
		 line.accepted)
		follower->gaps |= V2M_LOG_DOUBTFUL;
	source->doubtful = reach > doubtful ? reach : doubtful;
}

/* Takes the lines out of some bytes. A part without newline is kept. */
static void split(struct v2m_log_follower *follower, struct source *source, const char *text,
		  size_t length, v2m_log_line on_line, void *context)
{
	while (length) {
		const char *newline = memchr(text, '\n', length);
		size_t part = newline ? (size_t)(newline - text) : length;

		if (!source->skipping && source->half + part > sizeof(source->line)) {
			follower->gaps |= V2M_LOG_LONG_LINE;
			source->skipping = true;
		}
		if (source->skipping) {
			source->half = 0;
		} else if (newline && !source->half) {
			hand_over(follower, source, text, part, on_line, context);
		} else {
			memcpy(source->line + source->half, text, part);
			source->half += part;
			if (newline)
				hand_over(follower, source, source->line, source->half, on_line,
					  context);
		}
		if (newline) {
			source->half = 0;
			source->skipping = false;
			part++;
		}
		text += part;
		length -= part;
	}
}

/* Whether the bytes before the offset are other ones than those that were read: the file was cut,
 * and has grown beyond the offset since. */
static bool was_regrown(const struct source *source, uint64_t size)
{
	uint64_t fingerprint;

	return source->fingerprint && size > source->offset &&
	       fingerprint_of(source->fd, source->offset, &fingerprint) &&
	       fingerprint != source->fingerprint;
}

/* A file that became shorter starts again. */
static void check_truncated(struct v2m_log_follower *follower, struct source *source)
{
	struct stat status;
	uint64_t size;

	if (fstat(source->fd, &status))
		return;
	size = (uint64_t)status.st_size;
	if (size >= source->offset && !was_regrown(source, size))
		return;
	follower->gaps |= V2M_LOG_TRUNCATED;
	source->offset = 0;
	source->told = 0;
	begin_line(source);
	source->fingerprint = 0;
}

/* Reads on up to the end of the file, at most *max bytes. 0 at the end, 1 if there is more, or
 * -errno. */
static int read_more(struct v2m_log_follower *follower, struct source *source, size_t *max,
		     v2m_log_line on_line, void *context)
{
	char buffer[65536];

	while (*max) {
		size_t wanted = *max < sizeof(buffer) ? *max : sizeof(buffer);
		ssize_t got = pread(source->fd, buffer, wanted, (off_t)source->offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (!got && !source->half && source->offset % PAGE_LEN)
			source->doubtful = 0;
		if (got <= 0)
			return got ? -errno : 0;
		source->offset += (uint64_t)got;
		*max -= (size_t)got;
		split(follower, source, buffer, (size_t)got, on_line, context);
	}
	return 1;
}

/* Reads a file up to its end, at most *max bytes, which shrinks. 0 at the end, 1 if there is more,
 * or -errno. */
static int read_source(struct v2m_log_follower *follower, struct source *source, size_t *max,
		       v2m_log_line on_line, void *context)
{
	uint64_t before;
	int result;

	if (source->fd < 0)
		return 0;
	check_truncated(follower, source);
	before = source->offset;
	result = read_more(follower, source, max, on_line, context);
	if (source->offset != before &&
	    !fingerprint_of(source->fd, source->offset, &source->fingerprint))
		source->fingerprint = 0;
	return result;
}

/* Reads the open files in the order in which they were written. A removed file that had the path
 * before is closed at its end, so that it does not fill the disk. */
static int read_open(struct v2m_log_follower *follower, size_t *max, v2m_log_line on_line,
		     void *context)
{
	struct stat status;
	int result = read_source(follower, &follower->before, max, on_line, context);

	if (result)
		return result;
	if (follower->before.fd >= 0 && !fstat(follower->before.fd, &status) && !status.st_nlink)
		close_source(&follower->before);
	return read_source(follower, &follower->now, max, on_line, context);
}

struct v2m_log_follower *
v2m_log_follower_new(const char *path, const struct v2m_log_position *position, uint64_t tail_max)
{
	struct v2m_log_follower *follower = calloc(1, sizeof(*follower));

	if (!follower)
		return NULL;
	follower->path = strdup(path);
	if (!follower->path) {
		free(follower);
		return NULL;
	}
	if (position)
		follower->start = *position;
	follower->tail_max = tail_max;
	follower->now.fd = -1;
	follower->before.fd = -1;
	return follower;
}

void v2m_log_follower_free(struct v2m_log_follower *follower)
{
	if (!follower)
		return;
	close_source(&follower->now);
	close_source(&follower->before);
	free(follower->path);
	free(follower);
}

int v2m_log_follower_read(struct v2m_log_follower *follower, size_t max, v2m_log_line on_line,
			  void *context, struct v2m_error *error)
{
	/* The open files first, so that a rotation closes none that has more. */
	int result = read_open(follower, &max, on_line, context);

	if (!result)
		result = follow_path(follower, error);
	if (!result)
		result = read_open(follower, &max, on_line, context);
	if (result < 0 && error && !error->text[0])
		v2m_error_set(error, result, "%s: %s", follower->path, strerror(-result));
	return result;
}

void v2m_log_follower_rewind(struct v2m_log_follower *follower)
{
	struct source *now = &follower->now;
	struct stat status;
	uint64_t size;

	if (now->fd < 0 || fstat(now->fd, &status))
		return;
	size = (uint64_t)status.st_size;
	/* If the file was cut, the next read has to see that. */
	if (size < now->offset || was_regrown(now, size))
		return;
	if (size > follower->tail_max && size - follower->tail_max - 1 >= now->offset)
		return;
	now->told = now->offset > now->told ? now->offset : now->told;
	now->offset = 0;
	begin_line(now);
	now->fingerprint = 0;
	start_at_tail(follower);
}

unsigned v2m_log_follower_take_gaps(struct v2m_log_follower *follower)
{
	unsigned gaps = follower->gaps;

	follower->gaps = 0;
	return gaps;
}

static void tell_position(const struct source *source, struct v2m_log_position *position)
{
	position->device = source->device;
	position->inode = source->inode;
	position->offset = source->offset - source->half;
	if (!fingerprint_of(source->fd, position->offset, &position->fingerprint))
		*position = (struct v2m_log_position){ 0 };
}

void v2m_log_follower_position(const struct v2m_log_follower *follower,
			       struct v2m_log_position *position)
{
	*position = follower->start;
	if (follower->now.fd >= 0)
		tell_position(&follower->now, position);
}

void v2m_log_follower_position_before(const struct v2m_log_follower *follower,
				      struct v2m_log_position *position)
{
	*position = (struct v2m_log_position){ 0 };
	if (follower->before.fd >= 0)
		tell_position(&follower->before, position);
}

void v2m_log_follower_resume_before(struct v2m_log_follower *follower,
				    const struct v2m_log_position *position)
{
	if (position->inode && !find_rotated(follower, position, &follower->before))
		follower->gaps |= V2M_LOG_REPLACED;
}
