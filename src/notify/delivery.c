// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "notify/command.h"
#include "notify/event.h"
#include "notify/http.h"
#include "notify/template.h"

#define PROBLEM_LEN 256
/* So that a long queue does not keep the process from looking at the daemon. */
#define BATCH_MAX  20
#define ANSWER_MAX 4096
#define SECOND_US  1000000
#define SECOND_NS  1000000000ull

/* One channel at work. */
struct line {
	unsigned failures;         /* of the channel, in a row */
	uint64_t not_before;       /* CLOCK_MONOTONIC ns; nothing is sent before */
	char problem[PROBLEM_LEN]; /* logged last, so that it is logged once */
	int64_t delivered;         /* an alert that still has to leave the queue; 0: none */
};

struct v2m_delivery {
	const struct v2m_notify_settings *settings;
	struct v2m_store *store;
	const char *server;
	struct line *lines; /* one for each channel */
};

/* How an attempt ended. */
struct outcome {
	bool delivered;
	bool only_this; /* the receiver does not like this alert; others may go */
	unsigned retry_after_s;
	char problem[PROBLEM_LEN];
};

unsigned v2m_delivery_pause(const struct v2m_notify_settings *settings, unsigned attempts)
{
	uint64_t pause = settings->retry_first_s;

	for (unsigned i = 1; i < attempts && pause < settings->retry_max_s; i++)
		pause *= 2;
	return (unsigned)(pause < settings->retry_max_s ? pause : settings->retry_max_s);
}

static unsigned longest_pause(const struct v2m_notify_settings *settings)
{
	return settings->retry_max_s > V2M_RETRY_AFTER_MAX_S ? settings->retry_max_s
							     : V2M_RETRY_AFTER_MAX_S;
}

/* Quotes the receiver's reason for a refusal, unless it repeats a part of the URL, which is a
 * secret. */
static void quote_refusal(const struct v2m_channel *channel, const struct v2m_http_answer *answer,
			  struct outcome *outcome)
{
	json_t *json = answer->body ? json_loads(answer->body, 0, NULL) : NULL;
	const char *said = json_string_value(json_object_get(json, "description"));
	V2M_FREE char *text = NULL;
	const char *secret = strstr(channel->url, "://") + 3;

	if (!said)
		said = json_string_value(json_object_get(json, "message"));
	text = said ? strdup(said) : NULL;
	json_decref(json);
	snprintf(outcome->problem, PROBLEM_LEN, "HTTP %ld", answer->status);
	if (!text)
		return;
	for (const char *at = secret; *at; at += strspn(at, "/?&=:@")) {
		char part[PROBLEM_LEN];
		size_t length = strcspn(at, "/?&=:@");

		snprintf(part, sizeof(part), "%.*s", (int)length, at);
		if (length >= 6 && strstr(text, part))
			return;
		at += length;
	}
	v2m_text_make_plain(text);
	snprintf(outcome->problem, PROBLEM_LEN, "HTTP %ld: %.*s", answer->status,
		 (int)v2m_utf8_cut(text, 150), text);
}

/* 400, 413 and 422 are about what was sent. All else, such as a wrong token or too many requests,
 * is about the channel. */
static void judge_answer(const struct v2m_channel *channel, const struct v2m_http_answer *answer,
			 struct outcome *outcome)
{
	outcome->delivered = answer->status >= 200 && answer->status < 300;
	if (outcome->delivered)
		return;
	outcome->only_this =
		answer->status == 400 || answer->status == 413 || answer->status == 422;
	outcome->retry_after_s = answer->retry_after_s;
	if (answer->status)
		quote_refusal(channel, answer, outcome);
	else
		snprintf(outcome->problem, PROBLEM_LEN, "%s", answer->problem);
}

static void post(const struct v2m_notify_settings *settings, const struct v2m_channel *channel,
		 const char *text, struct outcome *outcome)
{
	V2M_CLEANUP(v2m_http_answer_clear) struct v2m_http_answer answer = { 0 };
	json_t *event = json_loads(text, 0, NULL);
	V2M_FREE char *body = event ? v2m_template_render(channel, event) : NULL;
	const struct v2m_http_request request = { .url = channel->url,
						  .proxy = channel->proxy,
						  .body = body,
						  .timeout_s = settings->timeout_s,
						  .answer_max = ANSWER_MAX };

	json_decref(event);
	if (!body) {
		snprintf(outcome->problem, PROBLEM_LEN, "out of memory");
		return;
	}
	v2m_http_send(&request, &answer);
	judge_answer(channel, &answer, outcome);
}

static void run(const struct v2m_notify_settings *settings, const struct v2m_channel *channel,
		const char *text, struct outcome *outcome)
{
	V2M_FREE char **argv = calloc(channel->command.count + 1, sizeof(*argv));

	if (!argv) {
		snprintf(outcome->problem, PROBLEM_LEN, "out of memory");
		return;
	}
	memcpy(argv, channel->command.items, channel->command.count * sizeof(*argv));
	outcome->delivered =
		v2m_command_notify(argv, text, settings->timeout_s, outcome->problem) == 0;
}

static struct outcome attempt(const struct v2m_notify_settings *settings,
			      const struct v2m_channel *channel, const char *text)
{
	struct outcome outcome = { 0 };

	if (channel->url)
		post(settings, channel, text, &outcome);
	else
		run(settings, channel, text, &outcome);
	return outcome;
}

int v2m_delivery_try(const struct v2m_notify_settings *settings, const struct v2m_channel *channel,
		     const char *event, char problem[static PROBLEM_LEN])
{
	struct outcome outcome = attempt(settings, channel, event);

	snprintf(problem, PROBLEM_LEN, "%s", outcome.problem);
	return outcome.delivered ? 0 : -1;
}

static int name_dropped(const struct v2m_channel *channel, char name[static 96])
{
	return snprintf(name, 96, "dropped/%s", channel->name);
}

/* Adds to the number of alerts that the channel has lost. The channel is told when it works again.
 */
static int note_dropped(struct v2m_delivery *delivery, const struct v2m_channel *channel,
			int64_t dropped, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	char name[96];
	char sum[32];
	int result;

	name_dropped(channel, name);
	result = v2m_store_get(delivery->store, name, &text, error);
	snprintf(sum, sizeof(sum), "%" PRId64,
		 dropped + (int64_t)(text ? strtoll(text, NULL, 10) : 0));
	return result ? result : v2m_store_set(delivery->store, name, sum, error);
}

static int trim(struct v2m_delivery *delivery, const struct v2m_channel *channel,
		struct v2m_error *error)
{
	const struct v2m_notify_settings *settings = delivery->settings;
	const int64_t oldest_us =
		v2m_clock_real_us() - (int64_t)settings->keep_hours * 3600 * SECOND_US;
	int64_t dropped;
	int result = v2m_store_begin(delivery->store, error);

	if (result)
		return result;
	dropped = v2m_store_trim(delivery->store, channel->name, settings->queue_max, oldest_us,
				 error);
	result = dropped < 0 ? (int)dropped : 0;
	if (dropped > 0)
		result = note_dropped(delivery, channel, dropped, error);
	if (result)
		v2m_store_rollback(delivery->store);
	else
		result = v2m_store_commit(delivery->store, error);
	if (!result && dropped > 0)
		v2m_log_error("channel %s: %" PRId64 " alerts are dropped: they are older than %u "
			      "hours, or more than %u wait",
			      channel->name, dropped, settings->keep_hours, settings->queue_max);
	return result;
}

/* Queues a word about dropped alerts, if there are any. */
static int tell_dropped(struct v2m_delivery *delivery, const struct v2m_channel *channel,
			struct v2m_error *error)
{
	const int64_t now_us = v2m_clock_real_us();
	V2M_FREE char *count = NULL;
	V2M_FREE char *text = NULL;
	char title[128];
	char name[96];
	json_t *event;
	int result;

	name_dropped(channel, name);
	result = v2m_store_get(delivery->store, name, &count, error);
	if (result || !count || strcmp(count, "0") == 0)
		return result;
	snprintf(title, sizeof(title), "%.20s alerts could not be delivered and are lost", count);
	event = v2m_event_new(V2M_EVENT_DROPPED, V2M_STATE_RAISED, delivery->server, now_us, title);
	text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	json_decref(event);
	if (!text)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = v2m_store_begin(delivery->store, error);
	if (result)
		return result;
	result = v2m_store_set(delivery->store, name, "0", error);
	if (!result)
		result = v2m_store_queue(delivery->store, channel->name, text, now_us, error);
	if (!result)
		return v2m_store_commit(delivery->store, error);
	v2m_store_rollback(delivery->store);
	return result;
}

static void log_failure(struct line *line, const struct v2m_channel *channel,
			const struct outcome *outcome, unsigned pause_s)
{
	if (strcmp(line->problem, outcome->problem) == 0)
		return;
	snprintf(line->problem, sizeof(line->problem), "%s", outcome->problem);
	v2m_log_warning("channel %s: %s; the next attempt is in %u s", channel->name,
			outcome->problem, pause_s);
}

static int postpone(struct v2m_delivery *delivery, size_t index, const struct v2m_queued *queued,
		    const struct outcome *outcome, struct v2m_error *error)
{
	const struct v2m_channel *channel = &delivery->settings->channels.items[index];
	struct line *line = &delivery->lines[index];
	unsigned attempts = outcome->only_this ? queued->attempts + 1 : ++line->failures;
	unsigned pause_s = v2m_delivery_pause(delivery->settings, attempts);
	int result;

	if (pause_s < outcome->retry_after_s)
		pause_s = outcome->retry_after_s;
	log_failure(line, channel, outcome, pause_s);
	result = v2m_store_postpone(delivery->store, queued->id,
				    v2m_clock_real_us() + (int64_t)pause_s * SECOND_US, error);
	/* An alert that the store could not postpone is due at once. */
	if (!outcome->only_this || result)
		line->not_before = v2m_clock_mono_ns() + pause_s * SECOND_NS;
	return result;
}

/* Takes the delivered alert out of the queue. On a full disk that fails until there is room; the
 * receiver must not get the alert again each time. */
static int settle(struct v2m_delivery *delivery, size_t index, struct v2m_error *error)
{
	struct line *line = &delivery->lines[index];
	int result = v2m_store_remove(delivery->store, line->delivered, error);

	if (result)
		return result;
	line->delivered = 0;
	return tell_dropped(delivery, &delivery->settings->channels.items[index], error);
}

/* Sends the channel's oldest alert that is due. 1: go on with the next one; 0: nothing to do now;
 * -errno. */
static int send_one(struct v2m_delivery *delivery, size_t index, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_queued_clear) struct v2m_queued queued = { 0 };
	const struct v2m_channel *channel = &delivery->settings->channels.items[index];
	struct line *line = &delivery->lines[index];
	struct outcome outcome;
	int result;

	if (v2m_notify_stop || v2m_clock_mono_ns() < line->not_before)
		return 0;
	result = line->delivered ? settle(delivery, index, error) : 0;
	if (result)
		return result;
	result = v2m_store_due(delivery->store, channel->name, v2m_clock_real_us(),
			       longest_pause(delivery->settings), &queued, error);
	if (result <= 0)
		return result;
	outcome = attempt(delivery->settings, channel, queued.event);
	if (!outcome.delivered && v2m_notify_stop)
		return 0;
	if (!outcome.delivered) {
		result = postpone(delivery, index, &queued, &outcome, error);
		return result ? result : 1;
	}
	if (line->problem[0])
		v2m_log_info("channel %s: alerts are delivered again", channel->name);
	*line = (struct line){ .delivered = queued.id };
	result = settle(delivery, index, error);
	return result ? result : 1;
}

static int run_channel(struct v2m_delivery *delivery, size_t index, struct v2m_error *error)
{
	int result = trim(delivery, &delivery->settings->channels.items[index], error);

	if (!result)
		result = 1;
	for (unsigned n = 0; n < BATCH_MAX && result == 1; n++)
		result = send_one(delivery, index, error);
	return result < 0 ? result : 0;
}

int64_t v2m_delivery_run(struct v2m_delivery *delivery, struct v2m_error *error)
{
	int result = 0;

	/* An error keeps no other channel from its alerts. */
	for (size_t i = 0; i < delivery->settings->channels.count; i++) {
		int failed = run_channel(delivery, i, result ? NULL : error);

		result = result ? result : failed;
	}
	return result ? result : v2m_store_count(delivery->store, error);
}

void v2m_delivery_closep(struct v2m_delivery **delivery)
{
	if (!*delivery)
		return;
	free((*delivery)->lines);
	free(*delivery);
	*delivery = NULL;
}

static int remove_strangers(struct v2m_delivery *delivery, struct v2m_error *error)
{
	const struct v2m_channels *channels = &delivery->settings->channels;
	json_t *names = json_array();
	V2M_FREE char *text = NULL;
	int64_t removed;

	for (size_t i = 0; i < channels->count; i++)
		json_array_append_new(names, json_string(channels->items[i].name));
	text = json_array_size(names) == channels->count ? json_dumps(names, 0) : NULL;
	json_decref(names);
	if (!text)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	removed = v2m_store_remove_strangers(delivery->store, text, error);
	if (removed > 0)
		v2m_log_warning("%" PRId64 " alerts were for channels that are no longer "
				"configured, and are dropped",
				removed);
	return removed < 0 ? (int)removed : 0;
}

int v2m_delivery_open(const struct v2m_notify_settings *settings, struct v2m_store *store,
		      const char *server, struct v2m_delivery **delivery, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_delivery_closep) struct v2m_delivery *made = calloc(1, sizeof(*made));
	int result;

	if (made)
		made->lines = calloc(settings->channels.count, sizeof(*made->lines));
	if (!made || !made->lines)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->settings = settings;
	made->store = store;
	made->server = server;
	result = remove_strangers(made, error);
	if (!result)
		*delivery = V2M_TAKE(made);
	return result;
}
