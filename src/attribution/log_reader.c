// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/log_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "process/kept_child.h"

/* Between the end of a process and the next one. */
#define PAUSE_MS 100
/* One may be killed, and the next one goes on: so many in a row that end soon are no news. */
#define TOLERATED_ENDS 2

struct v2m_log_reader {
	struct v2m_log_reader_options options;
	struct v2m_kept_child *child;
	/* The logs, and how far each was read by what was taken last. */
	struct v2m_following_order logs[V2M_FOLLOWING_LOGS_MAX];
	size_t count;
	bool runs;          /* the process, and it knows all logs */
	bool has_answered;  /* since it was started */
	bool has_begun;     /* some process has answered */
	bool is_asked;      /* a question waits for its answer */
	uint64_t id;        /* of the last question */
	size_t n_asked;     /* logs that were told before it */
	bool asked_rewinds; /* the last question says so */
	bool wants_rewind;  /* the next one has to */
	uint64_t asked_ns;  /* when it was asked, CLOCK_MONOTONIC */
	uint64_t taken;     /* id of the question whose answer was taken last */
	bool has_more;      /* the last answer says so */
	bool is_late;       /* the last call got no answer */
	uint64_t late_ns;   /* when the first of such calls began */
	uint64_t begun_ns;  /* when the process was started */
	char trouble[512];  /* why the processes end; "": they do not */
};

static void tell_log(struct v2m_log_reader *reader, size_t index)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_following_order(&wire, &reader->logs[index]);
	v2m_kept_child_send(reader->child, V2M_FOLLOWING_FOLLOW, index, &wire, -1);
}

static void brief(void *context)
{
	struct v2m_log_reader *reader = context;

	reader->runs = true;
	reader->has_answered = false;
	reader->begun_ns = v2m_clock_mono_ns();
	for (size_t i = 0; i < reader->count; i++)
		tell_log(reader, i);
}

static void note_end(void *context, unsigned count, const char *how)
{
	struct v2m_log_reader *reader = context;

	reader->runs = false;
	reader->is_asked = false;
	if (count > TOLERATED_ENDS)
		snprintf(reader->trouble, sizeof(reader->trouble),
			 "%s, and so have %u processes before it", how, count - 1);
}

static uint64_t patience_ns(const struct v2m_log_reader *reader)
{
	return reader->options.patience_ms * UINT64_C(1000000);
}

static void note_answer(struct v2m_log_reader *reader)
{
	reader->is_asked = false;
	reader->has_answered = reader->has_begun = true;
	reader->is_late = false;
	reader->taken = reader->id;
	if (v2m_clock_mono_ns() - reader->begun_ns >= patience_ns(reader))
		reader->trouble[0] = 0;
}

static void take_news(struct v2m_log_reader *reader, const struct v2m_following_news *news)
{
	reader->has_more = false;
	for (size_t i = 0; i < news->n_logs; i++) {
		reader->logs[i].progress = news->logs[i].progress;
		reader->has_more |= news->logs[i].has_more;
	}
	if (reader->asked_rewinds)
		reader->wants_rewind = false;
	note_answer(reader);
	reader->options.take(reader->options.context, news);
}

static int take(void *context, const struct v2m_message *message)
{
	V2M_CLEANUP(v2m_following_news_clear) struct v2m_following_news news = { 0 };
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_log_reader *reader = context;
	int result;

	if (message->fd >= 0)
		return -EBADMSG;
	if (message->kind == V2M_FOLLOWING_READY)
		return v2m_kept_child_note_protection(reader->child, &wire);
	if (message->kind != V2M_FOLLOWING_NEWS || !reader->is_asked || message->id != reader->id)
		return -EBADMSG;
	v2m_put_following_news(&wire, &news);
	result = v2m_wire_end(&wire);
	if (result)
		return result;
	if (!v2m_following_news_are_allowed(&news, reader->n_asked))
		return -EBADMSG;
	take_news(reader, &news);
	return 0;
}

int v2m_log_reader_open(const struct v2m_log_reader_options *options,
			struct v2m_log_reader **reader)
{
	struct v2m_log_reader *made = calloc(1, sizeof(*made));
	const struct v2m_kept_child_options child = {
		.argument = options->argument,
		.name = "the process that follows access logs",
		.meanwhile = "the next one goes on at the same line",
		.pause_ms = PAUSE_MS,
		.useful_kind = V2M_FOLLOWING_NEWS,
		.said_max = V2M_FOLLOWING_NEWS_MAX,
		.only_answers = true,
		.brief = brief,
		.take = take,
		.note_end = note_end,
		.context = made,
	};
	int result;

	if (!made)
		return -ENOMEM;
	made->options = *options;
	result = v2m_kept_child_open(&child, &made->child);
	if (result) {
		free(made);
		return result;
	}
	*reader = made;
	return 0;
}

void v2m_log_reader_close(struct v2m_log_reader *reader)
{
	if (!reader)
		return;
	v2m_kept_child_close(reader->child);
	for (size_t i = 0; i < reader->count; i++)
		v2m_following_order_clear(&reader->logs[i]);
	free(reader);
}

int v2m_log_reader_add(struct v2m_log_reader *reader, const char *path,
		       const struct v2m_log_progress *progress)
{
	struct v2m_following_order *made = &reader->logs[reader->count];

	*made = (struct v2m_following_order){ .path = strdup(path), .progress = *progress };
	if (!made->path)
		return -ENOMEM;
	if (reader->runs)
		tell_log(reader, reader->count);
	reader->count++;
	return 0;
}

size_t v2m_log_reader_count(const struct v2m_log_reader *reader)
{
	return reader->count;
}

const char *v2m_log_reader_path(const struct v2m_log_reader *reader, size_t index)
{
	return reader->logs[index].path;
}

const struct v2m_log_progress *v2m_log_reader_progress(const struct v2m_log_reader *reader,
						       size_t index)
{
	return &reader->logs[index].progress;
}

const char *v2m_log_reader_trouble(const struct v2m_log_reader *reader)
{
	return reader->trouble;
}

void v2m_log_reader_rewind(struct v2m_log_reader *reader)
{
	reader->wants_rewind = reader->has_begun;
}

/* A process that was just started has opened no log yet, so there is nothing to rewind. */
static void ask(struct v2m_log_reader *reader)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_following_question question = {
		.rewinds = reader->wants_rewind && reader->has_answered,
	};

	reader->id++;
	reader->is_asked = true;
	reader->n_asked = reader->count;
	reader->asked_rewinds = question.rewinds;
	reader->asked_ns = v2m_clock_mono_ns();
	v2m_put_following_question(&wire, &question);
	v2m_kept_child_send(reader->child, V2M_FOLLOWING_READ, reader->id, &wire, -1);
}

/* Until a question of this number or a later one is answered. False: not in time. */
static bool wait_for_answer(struct v2m_log_reader *reader, uint64_t id, uint64_t end_ns)
{
	struct pollfd child = { .fd = v2m_kept_child_fd(reader->child), .events = POLLIN };

	for (;;) {
		uint64_t now_ns;

		v2m_kept_child_drain(reader->child);
		if (reader->taken >= id)
			return true;
		if (reader->runs && !reader->is_asked)
			ask(reader);
		now_ns = v2m_clock_mono_ns();
		if (now_ns >= end_ns)
			return false;
		poll(&child, 1, (int)((end_ns - now_ns + 999999) / 1000000));
	}
}

static enum v2m_log_reading note_late(struct v2m_log_reader *reader, uint64_t begun_ns)
{
	uint64_t now_ns = v2m_clock_mono_ns();

	if (!reader->is_late)
		reader->late_ns = begun_ns;
	reader->is_late = true;
	if (reader->is_asked && now_ns - reader->asked_ns > 2 * patience_ns(reader))
		v2m_kept_child_kill(reader->child, "it does not answer");
	return now_ns - reader->late_ns > patience_ns(reader) ? V2M_LOGS_LOST : V2M_LOGS_LATE;
}

static bool may_wait(const struct v2m_log_reader *reader, uint64_t now_ns, bool is_urgent)
{
	return !reader->is_late || (is_urgent && now_ns - reader->late_ns <= patience_ns(reader));
}

enum v2m_log_reading v2m_log_reader_read(struct v2m_log_reader *reader, unsigned wait_ms,
					 bool is_urgent)
{
	uint64_t begun_ns = v2m_clock_mono_ns();
	uint64_t end_ns = begun_ns;
	uint64_t next;

	if (!reader->count)
		return V2M_LOGS_READ;
	v2m_kept_child_start(reader->child);
	/* An answer that has come late is taken, and ends the lateness. */
	v2m_kept_child_drain(reader->child);
	if (may_wait(reader, begun_ns, is_urgent))
		end_ns += wait_ms * UINT64_C(1000000);
	next = reader->id + 1;
	if (!wait_for_answer(reader, next, end_ns))
		return note_late(reader, begun_ns);
	return reader->has_more || reader->wants_rewind ? V2M_LOGS_HAVE_MORE : V2M_LOGS_READ;
}
