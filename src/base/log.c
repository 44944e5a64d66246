// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LINE_LEN       2048
#define VALUE_LEN      512
/* A line, a value, and what stands around them. */
#define ENTRY_LEN (LINE_LEN + VALUE_LEN + 512)

/* Set at the start of the process, before there are threads. */
static int journal = -1;
static bool is_stream;

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

enum v2m_log_level v2m_log_level(void)
{
	return threshold;
}

/* Whether stderr is what systemd has connected to the journal: $JOURNAL_STREAM has its device and
 * inode. A child whose stderr goes elsewhere inherits the variable, too. */
static bool is_journal_stream(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat status;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

void v2m_log_open(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path ? path : JOURNAL_SOCKET);
	if (journal >= 0)
		close(journal);
	journal = -1;
	is_stream = is_journal_stream();
	if (!is_stream)
		return;
	/* Writing to this socket never waits. A line that it does not take goes to stderr, where
	 * some hundred lines fit before the writer waits for a journal that hangs. */
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (journal >= 0 && connect(journal, (struct sockaddr *)&address, sizeof(address))) {
		close(journal);
		journal = -1;
	}
}

V2M_PRINTF(3, 4) static void append(char *entry, size_t *length, const char *format, ...)
{
	va_list arguments;
	int added;

	if (*length >= ENTRY_LEN)
		return;
	va_start(arguments, format);
	added = vsnprintf(entry + *length, ENTRY_LEN - *length, format, arguments);
	va_end(arguments);
	*length = added < 0 ? ENTRY_LEN : *length + (size_t)added;
}

/* Sends the line in the journal's own protocol: a field on each line. The text has no line break.
 * False: stderr has to take it. */
static bool write_journal(const struct v2m_log_place *place, const char *text)
{
	char entry[ENTRY_LEN];
	char value[VALUE_LEN];
	size_t length = 0;

	if (journal < 0)
		return false;
	append(entry, &length, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
	       levels[place->level].priority, program_invocation_short_name, text);
	if (place->file && *place->file)
		append(entry, &length, "CODE_FILE=%s\nCODE_LINE=%u\nCODE_FUNC=%s\n", place->file,
		       place->line, place->function);
	if (place->field) {
		snprintf(value, sizeof(value), "%s", place->value);
		v2m_text_make_plain(value);
		append(entry, &length, "%s=%s\n", place->field, value);
	}
	/* write(2), because the other processes may call little else. */
	return length < ENTRY_LEN && write(journal, entry, length) == (ssize_t)length;
}

static void write_stderr(const struct v2m_log_place *place, const char *text)
{
	char line[LINE_LEN + 64];
	char when[32];
	struct timespec now;
	struct tm local;
	int length;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &local);
	/* journald adds the time itself; a person at a terminal needs it. */
	length = is_stream ? snprintf(line, sizeof(line), "<%d>%s\n", levels[place->level].priority,
				      text)
			   : snprintf(line, sizeof(line), "%s.%03ld %-7s %s\n", when,
				      now.tv_nsec / 1000000, levels[place->level].name, text);
	/* The daemon counts on even if the log cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

V2M_PRINTF(2, 0)
static void write_line(const struct v2m_log_place *place, const char *format, va_list arguments)
{
	char text[LINE_LEN];
	int length;

	if (place->level > threshold)
		return;
	length = vsnprintf(text, sizeof(text), format, arguments);
	if (length < 0)
		return;
	if (length > (int)sizeof(text) - 1)
		length = (int)sizeof(text) - 1;
	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = 0;
	v2m_text_make_plain(text);
	if (is_repeated(text, (size_t)length))
		return;
	if (!write_journal(place, text))
		write_stderr(place, text);
}

void v2m_log_at(const struct v2m_log_place *place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(place, format, arguments);
	va_end(arguments);
}

void v2m_logv(enum v2m_log_level level, const char *format, va_list arguments)
{
	const struct v2m_log_place nowhere = { .level = level };

	write_line(&nowhere, format, arguments);
}

void v2m_log(enum v2m_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	v2m_logv(level, format, arguments);
	va_end(arguments);
}

bool v2m_news_differs(struct v2m_news *news, const char *message)
{
	struct v2m_error now;

	/* Both are cut off at the same length. */
	v2m_error_set(&now, 0, "%s", message);
	if (strcmp(now.text, news->last.text) == 0)
		return false;
	news->last = now;
	return true;
}

void v2m_news_forget(struct v2m_news *news)
{
	news->last.text[0] = 0;
}
