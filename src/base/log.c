// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

static _Atomic enum v2m_log_level threshold = V2M_LOG_INFO;

static const struct {
	const char *name;
	int priority; /* sd-daemon(3) */
} levels[] = {
	[V2M_LOG_ERROR] = { "error", 3 },
	[V2M_LOG_WARNING] = { "warning", 4 },
	[V2M_LOG_INFO] = { "info", 6 },
	[V2M_LOG_DEBUG] = { "debug", 7 },
};

static _Thread_local struct v2m_log_memory *memory;

void v2m_log_begin(struct v2m_log_memory *of)
{
	memcpy(of->before, of->now, sizeof(of->before));
	of->n_before = of->n_now;
	of->n_now = 0;
	of->n_more_before = of->n_more;
	of->n_more = 0;
	memory = of;
}

void v2m_log_end(void)
{
	const struct v2m_log_memory *of = memory;

	memory = NULL;
	if (of && of->n_more && of->n_more != of->n_more_before)
		v2m_log_warning("%zu more lines about the same are not shown", of->n_more);
}

static bool has_hash(const uint64_t *hashes, size_t count, uint64_t hash)
{
	for (size_t i = 0; i < count; i++)
		if (hashes[i] == hash)
			return true;
	return false;
}

static bool is_repeated(const char *text, size_t length)
{
	uint64_t hash;

	if (!memory)
		return false;
	hash = v2m_hash(text, length);
	if (has_hash(memory->now, memory->n_now, hash))
		return true;
	if (memory->n_now == V2M_LOG_MEMORY) {
		memory->n_more++;
		return true;
	}
	memory->now[memory->n_now++] = hash;
	return has_hash(memory->before, memory->n_before, hash);
}

void v2m_log_set_level(enum v2m_log_level level)
{
	threshold = level;
}

/* journald adds the time itself; a person at a terminal needs it. */
static int write_prefix(enum v2m_log_level level, char *line, size_t size)
{
	struct timespec now;
	struct tm local;
	char when[32];

	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, size, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &local);
	return snprintf(line, size, "%s.%03ld %-7s ", when, now.tv_nsec / 1000000,
			levels[level].name);
}

enum v2m_log_level v2m_log_level(void)
{
	return threshold;
}

void v2m_logv(enum v2m_log_level level, const char *format, va_list arguments)
{
	char line[2048];
	int prefix;
	int length;

	if (level > threshold)
		return;
	prefix = write_prefix(level, line, sizeof(line));
	length = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, arguments);
	length = length < 0 ? prefix : prefix + length;
	if (length > (int)sizeof(line) - 2)
		length = (int)sizeof(line) - 2;
	while (length > prefix && line[length - 1] == '\n')
		length--;
	line[length] = 0;
	v2m_text_make_plain(line + prefix);
	if (is_repeated(line + prefix, (size_t)(length - prefix)))
		return;
	line[length++] = '\n';
	/* The daemon counts on even if the log cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

void v2m_log(enum v2m_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	v2m_logv(level, format, arguments);
	va_end(arguments);
}
