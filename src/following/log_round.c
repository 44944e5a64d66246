// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "following/log_round.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "following/access_line.h"
#include "following/log_follower.h"
#include "following/log_offset.h"

/* How long the offset of a log's clock is believed. */
#define OFFSET_NS UINT64_C(60000000000)
/* V2Ray and Xray keep 16 lines that wait to be written, and drop further ones. These 16 are written
 * within a second, or in two that follow each other. */
#define RUSH_LINES 8
/* The length of "2026/11/28 00:00:37". */
#define SECOND_LEN 19
/* At the first start, this much of the log's end is read. */
#define TAIL_MAX (UINT64_C(16) << 20)

struct followed {
	char *path;
	struct v2m_log_follower *follower;
	int64_t offset_us;       /* see v2m_log_offset() */
	uint64_t offset_ns;      /* when that was found, CLOCK_MONOTONIC; 0: never */
	char second[SECOND_LEN]; /* of the last line */
	unsigned in_second;      /* lines of that second */
};

struct v2m_log_round {
	struct followed items[V2M_FOLLOWING_LOGS_MAX];
	size_t count;
	struct v2m_following_news news; /* the texts of its records are its own */
	/* The log that is read. */
	struct followed *now;
	unsigned gaps;
	bool no_memory;
};

struct v2m_log_round *v2m_log_round_new(void)
{
	return calloc(1, sizeof(struct v2m_log_round));
}

/* The texts of a record are one block, which begins with the tags. */
static void clear_news(struct v2m_following_news *news)
{
	for (size_t i = 0; i < news->records.count; i++)
		free((char *)news->records.items[i].tags.start);
	v2m_following_news_clear(news);
}

void v2m_log_round_free(struct v2m_log_round *round)
{
	if (!round)
		return;
	for (size_t i = 0; i < round->count; i++) {
		v2m_log_follower_free(round->items[i].follower);
		free(round->items[i].path);
	}
	clear_news(&round->news);
	free(round);
}

int v2m_log_round_add(struct v2m_log_round *round, const struct v2m_following_order *order)
{
	struct followed *made = &round->items[round->count];

	if (round->count == V2M_FOLLOWING_LOGS_MAX)
		return -ENOSPC;
	*made = (struct followed){ .path = strdup(order->path) };
	if (made->path)
		made->follower = v2m_log_follower_new(made->path, &order->progress.now, TAIL_MAX);
	if (!made->follower) {
		free(made->path);
		return -ENOMEM;
	}
	v2m_log_follower_resume_before(made->follower, &order->progress.before);
	round->count++;
	return 0;
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

/* The line is gone after this. 0 or -ENOMEM. */
static int add_record(struct v2m_log_round *round, struct v2m_access_record record)
{
	size_t length = record.tags.length + record.email.length;
	V2M_FREE char *texts = malloc(length + 1);

	if (!texts)
		return -ENOMEM;
	if (record.tags.length)
		memcpy(texts, record.tags.start, record.tags.length);
	if (record.email.length)
		memcpy(texts + record.tags.length, record.email.start, record.email.length);
	record.tags.start = texts;
	record.email.start = texts + record.tags.length;
	if (v2m_array_add(&round->news.records, record))
		return -ENOMEM;
	texts = NULL;
	return 0;
}

/* Any line takes a place in the queue: those of refused connections, and of DNS answers. */
static void count_line(struct v2m_log_round *round, const char *text, size_t length)
{
	struct followed *log = round->now;

	if (length < SECOND_LEN)
		return;
	if (memcmp(log->second, text, SECOND_LEN) != 0)
		log->in_second = 0;
	memcpy(log->second, text, SECOND_LEN);
	if (++log->in_second >= RUSH_LINES)
		round->gaps |= V2M_LOG_RUSH;
}

static void take_line(void *context, const char *text, size_t length)
{
	struct v2m_log_round *round = context;
	struct v2m_access_line line;

	count_line(round, text, length);
	if (v2m_access_line_parse(text, length, &line) || !line.accepted)
		return;
	if (line.masked)
		round->gaps |= V2M_LOG_MASKED;
	else if (add_record(round, v2m_access_line_record(&line, round->now->offset_us)))
		round->no_memory = true;
}

static void read_log(struct v2m_log_round *round, struct followed *log, struct v2m_log_state *state)
{
	struct v2m_log_follower *follower = log->follower;

	*state = (struct v2m_log_state){ 0 };
	find_offset(log);
	round->now = log;
	round->gaps = 0;
	state->result = v2m_log_follower_read(follower, V2M_FOLLOWING_READ_MAX / round->count,
					      take_line, round, &state->error);
	state->has_more = state->result > 0;
	if (state->has_more)
		state->result = 0;
	state->gaps = v2m_log_follower_take_gaps(follower) | round->gaps;
	v2m_log_follower_position(follower, &state->progress.now);
	v2m_log_follower_position_before(follower, &state->progress.before);
}

int v2m_log_round_read(struct v2m_log_round *round, const struct v2m_following_question *question,
		       struct v2m_following_news **news)
{
	clear_news(&round->news);
	round->no_memory = false;
	for (size_t i = 0; i < round->count; i++) {
		if (question->rewinds)
			v2m_log_follower_rewind(round->items[i].follower);
		read_log(round, &round->items[i], &round->news.logs[i]);
	}
	round->news.n_logs = round->count;
	*news = &round->news;
	return round->no_memory ? -ENOMEM : 0;
}
