// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/followed_logs.h"

#include <limits.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attribution/log_follower.h"
#include "attribution/log_offset.h"
#include "base/clock.h"
#include "base/log.h"

#define AUTO "auto"

/* A read takes at most this much of a log. */
#define READ_MAX (4u << 20)
/* How long the offset of a log's clock is believed. */
#define OFFSET_NS UINT64_C(60000000000)
#define GAP_US    INT64_C(10000000)
/* At the first start, this much of the log's end is read. */
#define TAIL_MAX (UINT64_C(16) << 20)

struct followed {
	char *path;
	struct v2m_log_follower *follower;
	bool is_missing;    /* and that was logged */
	int64_t offset_us;  /* see v2m_log_offset() */
	uint64_t offset_ns; /* when that was found, CLOCK_MONOTONIC; 0: never */
};

struct v2m_followed_logs {
	const struct v2m_config *config;
	struct v2m_attributor *attributor;
	char path[PATH_MAX]; /* of the memory */
	struct followed items[V2M_MAX_ACCESS_LOGS];
	size_t count;
	struct v2m_attribution_memory memory;
	/* The gaps in the file. A gap that lasts is stored again every GAP_US, and after a reset.
	 */
	int64_t stored_gap_us[V2M_N_ATTRIBUTION_GAPS];
	bool began;   /* a log is new, and nobody knows yet whether this is a gap */
	bool is_off;  /* the configurations name no log any more */
	bool changed; /* the memory differs from its file */
	bool save_failed;
};

/* --- the memory --- */

static const struct v2m_remembered_log *find_remembered(const struct v2m_attribution_memory *memory,
							const char *path)
{
	for (size_t i = 0; i < memory->n_logs; i++)
		if (strcmp(memory->logs[i].path, path) == 0)
			return &memory->logs[i];
	return NULL;
}

/* 0 or -ENOMEM. */
static int note_positions(struct v2m_followed_logs *logs)
{
	struct v2m_remembered_log next[V2M_MAX_ACCESS_LOGS] = { 0 };

	for (size_t i = 0; i < logs->count; i++) {
		next[i].path = strdup(logs->items[i].path);
		if (!next[i].path) {
			while (i > 0)
				free(next[--i].path);
			return -ENOMEM;
		}
		v2m_log_follower_position(logs->items[i].follower, &next[i].position);
		v2m_log_follower_position_before(logs->items[i].follower, &next[i].before);
	}
	for (size_t i = 0; i < logs->memory.n_logs; i++)
		free(logs->memory.logs[i].path);
	memcpy(logs->memory.logs, next, sizeof(next));
	logs->memory.n_logs = logs->count;
	return 0;
}

static void note_gaps(struct v2m_followed_logs *logs)
{
	unsigned gaps = v2m_attributor_take_gaps(logs->attributor);
	int64_t now_us = v2m_clock_real_us();

	for (int gap = 0; gap < V2M_N_ATTRIBUTION_GAPS; gap++) {
		if (!(gaps & 1u << gap))
			continue;
		logs->memory.gap_us[gap] = now_us;
		if (llabs(now_us - logs->stored_gap_us[gap]) >= GAP_US)
			logs->changed = true;
	}
}

/* A log that nobody has read before begins a gap if bytes were counted long before. */
static void note_began(struct v2m_followed_logs *logs, bool is_fresh)
{
	if (logs->began && !is_fresh)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_BEGAN);
	logs->began = false;
}

void v2m_followed_logs_save(struct v2m_followed_logs *logs)
{
	int result;

	note_began(logs, false);
	note_gaps(logs);
	if (v2m_attributor_take_named(logs->attributor, &logs->memory.named))
		logs->changed = true;
	if (!logs->changed)
		return;
	result = note_positions(logs);
	if (!result)
		result = v2m_attribution_memory_save(logs->path, &logs->memory);
	if (result && !logs->save_failed)
		v2m_log_error("%s cannot be written: %s; after a restart lines of the access log "
			      "are read twice or not at all",
			      logs->path, strerror(-result));
	if (!result)
		memcpy(logs->stored_gap_us, logs->memory.gap_us, sizeof(logs->stored_gap_us));
	logs->save_failed = result != 0;
	logs->changed = result != 0;
}

void v2m_followed_logs_note_reset(struct v2m_followed_logs *logs)
{
	memset(logs->stored_gap_us, 0, sizeof(logs->stored_gap_us));
}

void v2m_followed_logs_note_online(struct v2m_followed_logs *logs, bool by_online)
{
	logs->changed |= logs->memory.by_online != by_online;
	logs->memory.by_online = by_online;
}

const struct v2m_attribution_memory *v2m_followed_logs_memory(const struct v2m_followed_logs *logs)
{
	return &logs->memory;
}

/* --- which logs --- */

static struct followed *find(const struct v2m_followed_logs *logs, const char *path)
{
	for (size_t i = 0; i < logs->count; i++)
		if (strcmp(logs->items[i].path, path) == 0)
			return (struct followed *)&logs->items[i];
	return NULL;
}

static int add(struct v2m_followed_logs *logs, const char *path)
{
	const struct v2m_remembered_log *known = find_remembered(&logs->memory, path);
	struct followed *made = &logs->items[logs->count];

	if (find(logs, path))
		return 0;
	if (logs->count == V2M_MAX_ACCESS_LOGS) {
		v2m_log_warning("the access log %s is not followed: at most %d can be", path,
				V2M_MAX_ACCESS_LOGS);
		return 0;
	}
	*made = (struct followed){ .path = strdup(path) };
	if (made->path)
		made->follower =
			v2m_log_follower_new(path, known ? &known->position : NULL, TAIL_MAX);
	if (!made->follower) {
		free(made->path);
		return -ENOMEM;
	}
	logs->count++;
	v2m_log_info("the access log %s is followed", path);
	if (known)
		v2m_log_follower_resume_before(made->follower, &known->before);
	else
		logs->began = true;
	return 0;
}

static bool has_auto(const struct v2m_followed_logs *logs)
{
	return v2m_strings_have(&logs->config->access_logs, AUTO);
}

/* The logs of the settings, and with "auto" those that an earlier process has followed: the
 * configurations of the proxies are read later. Without a setting the memory of logs is removed:
 * if a log is configured again, bytes of the time between are unattributed. */
static int begin(struct v2m_followed_logs *logs)
{
	const struct v2m_strings *named = &logs->config->access_logs;
	struct v2m_error error = { 0 };
	int result;

	result = v2m_attribution_memory_load(logs->path, &logs->memory, &error);
	if (!named->count && !logs->memory.by_online) {
		v2m_attribution_memory_clear(&logs->memory);
		unlink(logs->path);
		return 0;
	}
	if (result && result != -ENOENT) {
		v2m_log_warning("%s; the access logs are read from their ends", error.text);
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_LOG_CUT);
	}
	result = 0;
	for (size_t i = 0; i < named->count && !result; i++)
		if (strcmp(named->items[i], AUTO) != 0)
			result = add(logs, named->items[i]);
	for (size_t i = 0; i < logs->memory.n_logs && has_auto(logs) && !result; i++)
		result = add(logs, logs->memory.logs[i].path);
	return result;
}

struct v2m_followed_logs *v2m_followed_logs_new(const struct v2m_config *config,
						struct v2m_attributor *attributor)
{
	struct v2m_followed_logs *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->config = config;
	made->attributor = attributor;
	if ((size_t)snprintf(made->path, sizeof(made->path), "%s/attribution", config->state_dir) >=
		    sizeof(made->path) ||
	    begin(made)) {
		v2m_followed_logs_free(made);
		return NULL;
	}
	return made;
}

void v2m_followed_logs_free(struct v2m_followed_logs *logs)
{
	if (!logs)
		return;
	for (size_t i = 0; i < logs->count; i++) {
		v2m_log_follower_free(logs->items[i].follower);
		free(logs->items[i].path);
	}
	v2m_attribution_memory_clear(&logs->memory);
	free(logs);
}

static bool is_usable(const struct v2m_access_log *log)
{
	return log->kind == V2M_ACCESS_LOG_FILE && !strchr(log->path, '\n');
}

int v2m_followed_logs_learn(struct v2m_followed_logs *logs, const struct v2m_access_logs *found,
			    bool is_fresh)
{
	size_t usable = 0;
	int result = 0;

	for (size_t i = 0; i < found->count && has_auto(logs) && !result; i++) {
		if (!is_usable(&found->items[i]))
			continue;
		usable++;
		result = add(logs, found->items[i].path);
	}
	/* The setting names others if it has more than "auto". */
	logs->is_off = has_auto(logs) && !usable && logs->config->access_logs.count == 1;
	note_began(logs, is_fresh);
	return result;
}

size_t v2m_followed_logs_count(const struct v2m_followed_logs *logs)
{
	return logs->count;
}

bool v2m_followed_logs_reads(const struct v2m_followed_logs *logs, const char *path)
{
	const struct followed *found = find(logs, path);

	return found && !found->is_missing && !logs->is_off;
}

const char *v2m_followed_logs_path(const struct v2m_followed_logs *logs, size_t index)
{
	return index < logs->count ? logs->items[index].path : NULL;
}

/* --- reading --- */

static void note_log_gaps(struct v2m_followed_logs *logs, struct followed *log, int result,
			  const struct v2m_error *error)
{
	unsigned gaps = v2m_log_follower_take_gaps(log->follower);
	bool is_missing = result < 0 || (gaps & V2M_LOG_MISSING);

	if (is_missing && !log->is_missing)
		v2m_log_warning("the access log %s cannot be read: %s; new connections on shared "
				"ports are not attributed",
				log->path, *error->text ? error->text : "it is not there");
	else if (!is_missing && log->is_missing)
		v2m_log_info("the access log %s can be read again", log->path);
	log->is_missing = is_missing;
	if (is_missing)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_NO_LOG);
	if (gaps & V2M_LOG_DOUBTFUL)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_DOUBTFUL);
	if (gaps & (V2M_LOG_TRUNCATED | V2M_LOG_REPLACED | V2M_LOG_LONG_LINE)) {
		v2m_log_warning("the access log %s was cut or replaced, or has a line of more than "
				"%d bytes: users of some connections may be unknown",
				log->path, V2M_LOG_LINE_MAX);
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_LOG_CUT);
	}
}

/* A zone may change twice a year, and a container may have another one than the host. */
static void find_offset(struct followed *log)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	int64_t offset_us;

	if (log->offset_ns && log->offset_us != V2M_NO_LOG_OFFSET &&
	    now_ns - log->offset_ns < OFFSET_NS)
		return;
	offset_us = v2m_log_offset(log->path);
	if (!log->offset_ns || offset_us != V2M_NO_LOG_OFFSET)
		log->offset_us = offset_us;
	log->offset_ns = now_ns;
}

bool v2m_followed_logs_read(struct v2m_followed_logs *logs)
{
	bool has_more = false;

	if (logs->is_off && logs->count)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_NO_LOG);
	for (size_t i = 0; i < logs->count; i++) {
		struct followed *log = &logs->items[i];
		struct v2m_error error = { 0 };
		int result;

		find_offset(log);
		v2m_attributor_set_offset(logs->attributor, log->offset_us);
		result = v2m_log_follower_read(log->follower, READ_MAX, v2m_attributor_take_line,
					       logs->attributor, &error);

		note_log_gaps(logs, log, result, &error);
		has_more |= result > 0;
		logs->changed |= v2m_attributor_waits(logs->attributor);
	}
	return has_more;
}

void v2m_followed_logs_rewind(struct v2m_followed_logs *logs)
{
	for (size_t i = 0; i < logs->count; i++)
		v2m_log_follower_rewind(logs->items[i].follower);
}
