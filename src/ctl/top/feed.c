// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/fallback.h"
#include "ctl/text.h"

#define KEYS_S   60
#define HEALTH_S 15

int v2m_top_feed_open(struct v2m_client *client, struct v2m_top_feed *feed)
{
	*feed = (struct v2m_top_feed){ .client = client, .rates = v2m_top_rates_new() };
	return feed->rates ? 0 : -ENOMEM;
}

void v2m_top_feed_close(struct v2m_top_feed *feed)
{
	v2m_top_rates_free(feed->rates);
	v2m_top_rows_clear(&feed->rows);
	json_decref(feed->keys);
	*feed = (struct v2m_top_feed){ 0 };
}

static enum v2m_outcome fail(struct v2m_top_feed *feed, enum v2m_outcome outcome, const char *why)
{
	V2M_FREE char *clean = v2m_text_clean(why);

	if (!*feed->problem.text)
		feed->problem_since = time(NULL);
	v2m_error_set(&feed->problem, 0, "%s", clean ? clean : "out of memory");
	return outcome;
}

static enum v2m_outcome fail_reply(struct v2m_top_feed *feed, enum v2m_outcome outcome,
				   const struct v2m_client_reply *reply)
{
	const char *detail = v2m_client_reply_detail(reply);

	if (reply->status == 404)
		return fail(feed, outcome,
			    "this server has no live figures: its v2meter is too old");
	return fail(feed, outcome, detail ? detail : v2m_client_reply_text(reply));
}

static enum v2m_outcome read_keys(struct v2m_top_feed *feed)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	enum v2m_outcome outcome = v2m_fallback_get(feed->client, "/api/keys", &reply);

	if (outcome != V2M_DONE)
		return fail_reply(feed, outcome, &reply);
	json_decref(feed->keys);
	feed->keys = json_incref(reply.json);
	feed->keys_at = time(NULL);
	return V2M_DONE;
}

/* The sentences of all reasons; those of an older server, which tells the worst only. The caller
 * frees it. */
static char *join_reasons(const json_t *status)
{
	const json_t *reasons = json_object_get(status, "reasons");
	const char *worst = json_string_value(json_object_get(status, "detail"))
				    ?: json_string_value(json_object_get(status, "reason"));
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *reason;
	size_t i;

	if (!out)
		return NULL;
	json_array_foreach ((json_t *)reasons, i, reason)
		fprintf(out, "%s%s", i ? "; " : "",
			json_string_value(json_object_get(reason, "detail")) ?: "?");
	if (!json_array_size(reasons) && worst)
		fputs(worst, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Without an answer the last one stays: the figures tell whether the server is there. */
static void read_health(struct v2m_top_feed *feed)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	V2M_FREE char *why = NULL;
	V2M_FREE char *clean = NULL;
	const char *status;

	if (v2m_fallback_get(feed->client, "/api/meter/status", &reply) != V2M_DONE)
		return;
	feed->health_at = time(NULL);
	status = json_string_value(json_object_get(reply.json, "status"));
	why = join_reasons(reply.json);
	clean = why && *why ? v2m_text_clean(why) : NULL;
	snprintf(feed->health, sizeof(feed->health), "%s%s%s", status ? status : "",
		 clean ? ": " : "", clean ? clean : "");
}

enum v2m_outcome v2m_top_feed_read(struct v2m_top_feed *feed)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	enum v2m_outcome outcome = v2m_fallback_get(feed->client, "/api/traffic/live", &reply);
	const json_t *total;
	int result;

	if (outcome != V2M_DONE)
		return fail_reply(feed, outcome, &reply);
	total = json_object_get(json_object_get(reply.json, "data"), "total_keys");
	if (time(NULL) - feed->keys_at >= KEYS_S ||
	    (size_t)json_integer_value(total) != json_array_size(feed->keys)) {
		outcome = read_keys(feed);
		if (outcome != V2M_DONE)
			return outcome;
	}
	result = v2m_top_rows_read(reply.json, feed->keys, &feed->rows);
	if (result)
		return fail(feed, V2M_UNREACHED,
			    result == -EINVAL ? "an answer of another shape" : strerror(-result));
	v2m_top_rates_add(feed->rates, &feed->rows);
	feed->problem.text[0] = 0;
	if (time(NULL) - feed->health_at >= HEALTH_S)
		read_health(feed);
	return V2M_DONE;
}
