// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "following/log_offset.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "following/access_line.h"

#define TAIL_LEN   8192
#define QUARTER_US INT64_C(900000000)

static int64_t round_offset(int64_t us)
{
	int64_t half = us < 0 ? -QUARTER_US / 2 : QUARTER_US / 2;

	return (us + half) / QUARTER_US * QUARTER_US;
}

/* Finds the last whole line of a connection that no customer can have written. */
static bool find_last(const char *text, size_t length, struct v2m_access_line *last)
{
	const char *end = text + length;
	const char *doubtful_end = text;
	const char *newline;
	bool found = false;

	for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
		size_t part = (size_t)(newline - text);
		size_t reach = v2m_access_line_reach(text, part);
		struct v2m_access_line line;

		if (text >= doubtful_end && !v2m_access_line_parse(text, part, &line)) {
			*last = line;
			found = true;
		}
		if (newline + 1 + reach > doubtful_end)
			doubtful_end = newline + 1 + reach;
	}
	return found;
}

int64_t v2m_log_offset(const char *path)
{
	V2M_CLOSE int fd = v2m_open_regular(path, NULL);
	struct v2m_access_line line;
	char text[TAIL_LEN];
	struct stat status;
	off_t from;
	ssize_t got;

	if (fd < 0 || fstat(fd, &status))
		return V2M_NO_LOG_OFFSET;
	from = status.st_size > TAIL_LEN ? status.st_size - TAIL_LEN : 0;
	got = pread(fd, text, sizeof(text), from);
	if (got <= 0 || !find_last(text, (size_t)got, &line))
		return V2M_NO_LOG_OFFSET;
	return round_offset(line.wall_us - (status.st_mtim.tv_sec * INT64_C(1000000) +
					    status.st_mtim.tv_nsec / 1000));
}
