// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/followed_logs.h"

#include <limits.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attribution/log_reader.h"
#include "base/clock.h"
#include "base/log.h"

#define AUTO "auto"

#define GAP_US INT64_C(10000000)
/* Without an answer of the following process for so long, lines count as missed. */
#define PATIENCE_MS 5000

struct v2m_followed_logs {
	const struct v2m_config *config;
	struct v2m_attributor *attributor;
	char path[PATH_MAX]; /* of the memory */
	struct v2m_log_reader *reader;
	/* By the log: why it cannot be read, which was logged; "": it can. */
	struct v2m_error problems[V2M_FOLLOWING_LOGS_MAX];
	struct v2m_attribution_memory memory;
	/* The gaps in the file. A gap that lasts is stored again every GAP_US, and after a reset.
	 */
	int64_t stored_gap_us[V2M_N_ATTRIBUTION_GAPS];
	bool began;   /* a log is new, and nobody knows yet whether this is a gap */
	bool is_lost; /* the process that reads them does not answer; and that was logged */
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
	struct v2m_remembered_log next[V2M_FOLLOWING_LOGS_MAX] = { 0 };
	size_t count = v2m_log_reader_count(logs->reader);

	for (size_t i = 0; i < count; i++) {
		next[i].path = strdup(v2m_log_reader_path(logs->reader, i));
		if (!next[i].path) {
			while (i > 0)
				free(next[--i].path);
			return -ENOMEM;
		}
		next[i].progress = *v2m_log_reader_progress(logs->reader, i);
	}
	for (size_t i = 0; i < logs->memory.n_logs; i++)
		free(logs->memory.logs[i].path);
	memcpy(logs->memory.logs, next, sizeof(next));
	logs->memory.n_logs = count;
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

/* --- what the logs say --- */

static void note_log_gaps(struct v2m_followed_logs *logs, size_t index,
			  const struct v2m_log_state *state)
{
	const char *path = v2m_log_reader_path(logs->reader, index);
	bool is_missing = state->result < 0 || (state->gaps & V2M_LOG_MISSING);
	struct v2m_error *problem = &logs->problems[index];
	bool was_missing = *problem->text;

	problem->text[0] = 0;
	if (is_missing)
		v2m_error_set(problem, 0, "%s",
			      *state->error.text ? state->error.text
			      : state->result    ? strerror(-state->result)
						 : "it is not there");
	if (is_missing && !was_missing)
		v2m_log_warning("the access log %s cannot be read: %s; new connections on shared "
				"ports are not attributed",
				path, problem->text);
	else if (!is_missing && was_missing)
		v2m_log_info("the access log %s can be read again", path);
	if (is_missing)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_NO_LOG);
	if (state->gaps & V2M_LOG_DOUBTFUL)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_DOUBTFUL);
	if (state->gaps & V2M_LOG_RUSH)
		v2m_attributor_note_rush(logs->attributor, v2m_clock_mono_ns());
	if (state->gaps & V2M_LOG_MASKED)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_MASKED);
	if (state->gaps & (V2M_LOG_TRUNCATED | V2M_LOG_REPLACED | V2M_LOG_LONG_LINE)) {
		v2m_log_warning("the access log %s was cut or replaced, or has a line of more than "
				"%d bytes: users of some connections may be unknown",
				path, V2M_LOG_LINE_MAX);
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_LOG_CUT);
	}
}

static void take_news(void *context, const struct v2m_following_news *news)
{
	struct v2m_followed_logs *logs = context;
	bool lags = false;

	for (size_t i = 0; i < news->n_logs; i++) {
		note_log_gaps(logs, i, &news->logs[i]);
		lags |= news->logs[i].has_more;
	}
	v2m_attributor_note_lag(logs->attributor, lags);
	for (size_t i = 0; i < news->records.count; i++)
		v2m_attributor_take_line(logs->attributor, &news->records.items[i]);
	logs->changed |= v2m_attributor_waits(logs->attributor);
}

/* --- which logs --- */

/* The number of the log with this path; that of the logs if it is not followed. */
static size_t find(const struct v2m_followed_logs *logs, const char *path)
{
	size_t count = v2m_log_reader_count(logs->reader);
	size_t i = 0;

	while (i < count && strcmp(v2m_log_reader_path(logs->reader, i), path) != 0)
		i++;
	return i;
}

static int add(struct v2m_followed_logs *logs, const char *path)
{
	static const struct v2m_log_progress nowhere = { 0 };
	const struct v2m_remembered_log *known = find_remembered(&logs->memory, path);
	size_t count = v2m_log_reader_count(logs->reader);
	int result;

	if (find(logs, path) < count)
		return 0;
	if (count == V2M_FOLLOWING_LOGS_MAX) {
		v2m_log_warning("the access log %s is not followed: at most %d can be", path,
				V2M_FOLLOWING_LOGS_MAX);
		return 0;
	}
	result = v2m_log_reader_add(logs->reader, path, known ? &known->progress : &nowhere);
	if (result)
		return result;
	v2m_log_info("the access log %s is followed", path);
	if (!known)
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
	const struct v2m_log_reader_options options = {
		.argument = V2M_FOLLOWING_ARGUMENT,
		.patience_ms = PATIENCE_MS,
		.take = take_news,
		.context = made,
	};

	if (!made)
		return NULL;
	made->config = config;
	made->attributor = attributor;
	if (v2m_log_reader_open(&options, &made->reader) ||
	    (size_t)snprintf(made->path, sizeof(made->path), "%s/attribution", config->state_dir) >=
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
	v2m_log_reader_close(logs->reader);
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
	return v2m_log_reader_count(logs->reader);
}

const char *v2m_followed_logs_path(const struct v2m_followed_logs *logs, size_t index)
{
	return index < v2m_log_reader_count(logs->reader) ? v2m_log_reader_path(logs->reader, index)
							  : NULL;
}

const char *v2m_followed_logs_problem(const struct v2m_followed_logs *logs, size_t index)
{
	const char *trouble = v2m_log_reader_trouble(logs->reader);

	if (logs->is_off)
		return "no configuration of a proxy names it any more";
	if (*trouble)
		return trouble;
	if (logs->is_lost)
		return "the process that follows access logs does not answer";
	return logs->problems[index].text;
}

/* --- reading --- */

static void note_reading(struct v2m_followed_logs *logs, enum v2m_log_reading reading)
{
	bool is_lost = reading == V2M_LOGS_LOST;

	if (is_lost)
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_LATE);
	if (is_lost && !logs->is_lost)
		v2m_log_warning("the process that follows access logs does not answer; new "
				"connections on shared ports are not attributed");
	else if (logs->is_lost && reading != V2M_LOGS_LATE && !is_lost)
		v2m_log_info("the process that follows access logs answers again");
	if (reading != V2M_LOGS_LATE)
		logs->is_lost = is_lost;
}

enum v2m_log_reading v2m_followed_logs_read(struct v2m_followed_logs *logs, unsigned wait_ms,
					    bool is_urgent)
{
	enum v2m_log_reading reading;

	if (logs->is_off && v2m_log_reader_count(logs->reader))
		v2m_attributor_note_gap(logs->attributor, V2M_GAP_NO_LOG);
	reading = v2m_log_reader_read(logs->reader, wait_ms, is_urgent);
	note_reading(logs, reading);
	return reading;
}

void v2m_followed_logs_rewind(struct v2m_followed_logs *logs)
{
	v2m_log_reader_rewind(logs->reader);
}
