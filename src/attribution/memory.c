// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define HEADING "v2meter attribution 1"
/* The paths, and a line for each slot. */
#define FILE_MAX (256 * 1024)

/* Stable: they stand in the file. */
static const char *const gap_words[V2M_N_ATTRIBUTION_GAPS] = {
	[V2M_GAP_BEGAN] = "began",
	[V2M_GAP_NO_LOG] = "no_log",
	[V2M_GAP_LOG_CUT] = "log_cut",
	[V2M_GAP_MASKED] = "masked",
	[V2M_GAP_DISPUTED] = "disputed",
	[V2M_GAP_FULL] = "full",
	[V2M_GAP_HIDDEN] = "hidden",
	[V2M_GAP_NAMELESS_UDP] = "nameless_udp",
	[V2M_GAP_NO_LIST] = "no_list",
	[V2M_GAP_SHARED_ADDRESS] = "shared_address",
	[V2M_GAP_UNLISTED] = "unlisted",
	[V2M_GAP_DOUBTFUL] = "doubtful",
	[V2M_GAP_NAMELESS_TCP] = "nameless_tcp",
	[V2M_GAP_LATE] = "late",
	[V2M_GAP_DROPPED] = "dropped",
};

static int read_log(const char *line, struct v2m_attribution_memory *memory)
{
	struct v2m_remembered_log *log = &memory->logs[memory->n_logs];
	int used = 0;

	if (memory->n_logs >= V2M_FOLLOWING_LOGS_MAX ||
	    sscanf(line, "log %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64 " %n",
		   &log->progress.now.device, &log->progress.now.inode, &log->progress.now.offset,
		   &log->progress.now.fingerprint, &used) != 4 ||
	    !used || !line[used])
		return -EPROTO;
	log->path = strdup(line + used);
	if (!log->path)
		return -ENOMEM;
	memory->n_logs++;
	return 0;
}

/* The file before the rotation of the log that was read last. */
static int read_before(const char *line, struct v2m_attribution_memory *memory)
{
	struct v2m_log_position *position =
		memory->n_logs ? &memory->logs[memory->n_logs - 1].progress.before : NULL;

	if (!position ||
	    sscanf(line, "before %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64, &position->device,
		   &position->inode, &position->offset, &position->fingerprint) != 4)
		return -EPROTO;
	return 0;
}

static int read_gap(const char *line, struct v2m_attribution_memory *memory)
{
	char word[16]; /* the longest has 14 bytes */
	int64_t real_us;

	if (sscanf(line, "gap %15s %" SCNd64, word, &real_us) != 2 || real_us < 0)
		return -EPROTO;
	for (int i = 0; i < V2M_N_ATTRIBUTION_GAPS; i++)
		if (strcmp(word, gap_words[i]) == 0)
			memory->gap_us[i] = real_us;
	return 0;
}

static int read_named(const char *line, struct v2m_attribution_memory *memory)
{
	char word[8];
	unsigned port;

	if (sscanf(line, "named %u %7s", &port, word) != 2 || port > UINT16_MAX)
		return -EPROTO;
	v2m_named_slots_set(&memory->named, (uint16_t)port, strcmp(word, "udp") == 0);
	return 0;
}

static int read_line(const char *line, struct v2m_attribution_memory *memory)
{
	if (strncmp(line, "log ", 4) == 0)
		return read_log(line, memory);
	if (strcmp(line, "online") == 0) {
		memory->by_online = true;
		return 0;
	}
	if (strncmp(line, "before ", 7) == 0)
		return read_before(line, memory);
	return strncmp(line, "named ", 6) == 0 ? read_named(line, memory) : read_gap(line, memory);
}

/* number: of the last line that was read. */
static int read_lines(char *text, struct v2m_attribution_memory *memory, unsigned *number)
{
	char *rest = text;
	char *line = strsep(&rest, "\n");
	int result = line && strcmp(line, HEADING) == 0 ? 0 : -EPROTO;

	for (*number = 1; !result && (line = strsep(&rest, "\n")) && *line; ++*number)
		result = read_line(line, memory);
	return result;
}

int v2m_attribution_memory_load(const char *path, struct v2m_attribution_memory *memory,
				struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	size_t length;
	unsigned number;
	int result = v2m_read_regular(path, FILE_MAX, &text, &length, error);

	memset(memory, 0, sizeof(*memory));
	if (result)
		return result;
	result = read_lines(text, memory, &number);
	if (!result)
		return 0;
	v2m_attribution_memory_clear(memory);
	return v2m_error_set(error, result, "%s:%u: expected a line that v2meterd writes", path,
			     number);
}

static int write_lines(FILE *file, const struct v2m_attribution_memory *memory)
{
	fprintf(file, "%s\n", HEADING);
	for (size_t i = 0; i < memory->n_logs; i++) {
		const struct v2m_log_position *position = &memory->logs[i].progress.now;

		/* A path with a newline cannot be written down. It is read from its end again. */
		if (strchr(memory->logs[i].path, '\n'))
			continue;
		fprintf(file, "log %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx64 " %s\n",
			position->device, position->inode, position->offset, position->fingerprint,
			memory->logs[i].path);
		position = &memory->logs[i].progress.before;
		if (position->inode)
			fprintf(file, "before %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx64 "\n",
				position->device, position->inode, position->offset,
				position->fingerprint);
	}
	for (int i = 0; i < V2M_N_ATTRIBUTION_GAPS; i++)
		if (memory->gap_us[i])
			fprintf(file, "gap %s %" PRId64 "\n", gap_words[i], memory->gap_us[i]);
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		for (int udp = 0; udp < 2; udp++)
			if (v2m_named_slots_get(&memory->named, (uint16_t)port, udp))
				fprintf(file, "named %u %s\n", port, udp ? "udp" : "tcp");
	if (memory->by_online)
		fprintf(file, "online\n");
	return fflush(file) || ferror(file) ? -errno : 0;
}

int v2m_attribution_memory_save(const char *path, const struct v2m_attribution_memory *memory)
{
	V2M_FCLOSE FILE *file = NULL;
	char temporary[PATH_MAX];
	int result;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	result = write_lines(file, memory);
	if (!result && rename(temporary, path))
		result = -errno;
	if (result)
		unlink(temporary);
	return result;
}

void v2m_attribution_memory_clear(struct v2m_attribution_memory *memory)
{
	for (size_t i = 0; i < memory->n_logs; i++)
		free(memory->logs[i].path);
	memset(memory, 0, sizeof(*memory));
}
