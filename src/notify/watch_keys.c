// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/watch_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/format.h"

#define DAY_S 86400

/* A key that has crossed a step: a percentage, or days before its expiry. */
struct crossed {
	unsigned step;
	const char *id; /* of the look */
	const char *name;
	uint64_t used;
	uint64_t limit;
	int64_t expires_s;
};

struct crossed_list {
	struct crossed *items;
	size_t count;
	size_t capacity;
};

static void clear_crossed(struct crossed_list *list)
{
	v2m_array_clear(list);
}

/* The bytes of the key that count for its limit. False: they are not known. */
static bool read_used(const struct v2m_round *round, const json_t *key, const json_t *months,
		      uint64_t *used)
{
	const char *uuid = json_string_value(json_object_get(key, "uuid"));
	const json_t *value = json_object_get(key, "used_bytes");

	if (round->settings->key_period == V2M_PERIOD_MONTH)
		value = uuid ? json_object_get(months, uuid) : NULL;
	if (!json_is_integer(value))
		return false;
	*used = (uint64_t)json_integer_value(value);
	return true;
}

/* The bytes of this month by uuid. NULL: out of memory. */
static json_t *index_months(const struct v2m_look *look)
{
	const json_t *keys = json_object_get(look->month, "keys");
	json_t *index = json_object();

	for (size_t i = 0; i < json_array_size(keys); i++) {
		const json_t *key = json_array_get(keys, i);
		const char *uuid = json_string_value(json_object_get(key, "key_uuid"));
		json_t *traffic = json_object_get(key, "monthly_traffic");

		if (uuid)
			json_object_set(index, uuid, json_object_get(traffic, "total_bytes"));
	}
	return index;
}

/* The name of a step that a key has crossed. NULL: out of memory. */
static char *name_step(const char *family, const char *period, const struct crossed *crossed)
{
	char *name;

	return asprintf(&name, "%s%s/%s/%u", family, crossed->id, period, crossed->step) < 0 ? NULL
											     : name;
}

/* Holds a name for each step that is crossed. Only the last new step is an alert: a key that passes
 * 80 % and 100 % at once has one message. */
static int hold(const struct v2m_round *round, const char *family, const char *period,
		const struct crossed *crossed, bool *is_new)
{
	V2M_FREE char *name = name_step(family, period, crossed);
	int result;

	if (!name)
		return v2m_error_set(round->error, -ENOMEM, "out of memory");
	result = v2m_crossings_hold(round->crossings, name, round->error);
	*is_new = result == 1;
	return result < 0 ? result : 0;
}

/* Goes on holding what a key has crossed whose bytes are not known now. */
static int keep_limits(const struct v2m_round *round, const struct crossed *key, const char *period)
{
	const struct v2m_numbers *percents = &round->settings->key_percents;
	int result = 0;

	for (size_t i = 0; i < percents->count && result >= 0; i++) {
		struct crossed step = *key;
		V2M_FREE char *name = NULL;

		step.step = percents->items[i];
		name = name_step("limit/", period, &step);
		if (!name)
			return v2m_error_set(round->error, -ENOMEM, "out of memory");
		if (v2m_crossings_has(round->crossings, name))
			result = v2m_crossings_hold(round->crossings, name, round->error);
	}
	return result < 0 ? result : 0;
}

/* Whether used is at least percent of limit. The products may not fit into 64 bits. */
static bool passes(uint64_t used, uint64_t limit, unsigned percent)
{
	return (unsigned __int128)used * 100 >= (unsigned __int128)limit * percent;
}

static int look_at_limit(const struct v2m_round *round, struct crossed *key, const char *period,
			 struct crossed_list *news)
{
	const struct v2m_numbers *percents = &round->settings->key_percents;
	bool any = false;
	int result = 0;

	for (size_t i = 0; i < percents->count && !result; i++) {
		struct crossed step = *key;
		bool is_new;

		step.step = percents->items[i];
		if (!passes(key->used, key->limit, step.step))
			break;
		result = hold(round, "limit/", period, &step, &is_new);
		if (!result && is_new) {
			*key = step;
			any = true;
		}
	}
	if (!result && any && v2m_array_add(news, *key))
		result = v2m_error_set(round->error, -ENOMEM, "out of memory");
	return result;
}

static int look_at_expiry(const struct v2m_round *round, struct crossed *key,
			  struct crossed_list *news)
{
	const struct v2m_numbers *days = &round->settings->key_expiry_days;
	const int64_t now_s = round->look->real_us / 1000000;
	char period[24];
	bool any = false;
	int result = 0;

	snprintf(period, sizeof(period), "%lld", (long long)key->expires_s);
	/* The longest time before the expiry comes first. */
	for (size_t i = days->count; i-- > 0 && !result;) {
		struct crossed step = *key;
		bool is_new;

		step.step = days->items[i];
		if (now_s + (int64_t)step.step * DAY_S < key->expires_s)
			break;
		result = hold(round, "expiry/", period, &step, &is_new);
		if (!result && is_new) {
			*key = step;
			any = true;
		}
	}
	if (now_s - V2M_EXPIRY_NEWS_S > key->expires_s)
		any = false;
	if (!result && any && v2m_array_add(news, *key))
		result = v2m_error_set(round->error, -ENOMEM, "out of memory");
	return result;
}

static void format_date(int64_t real_s, char text[static 32])
{
	const time_t when = (time_t)real_s;
	struct tm local;

	if (!localtime_r(&when, &local) || !strftime(text, 32, "%Y-%m-%d %H:%M", &local))
		snprintf(text, 32, "?");
}

static int add_limit_line(json_t *event, const struct crossed *key)
{
	char used[V2M_FORMAT_BYTES_LEN];
	char limit[V2M_FORMAT_BYTES_LEN];

	v2m_format_bytes(key->used, used);
	v2m_format_bytes(key->limit, limit);
	return v2m_event_line(event, "%s: %s of %s", key->name, used, limit);
}

static int add_expiry_line(json_t *event, const struct crossed *key)
{
	char when[32];

	format_date(key->expires_s, when);
	return v2m_event_line(event, "%s: %s", key->name, when);
}

/* Some keys that crossed the same step. */
struct batch {
	enum v2m_event_kind kind;
	const struct crossed *const *keys;
	size_t count;
};

static json_t *begin_event(const struct v2m_round *round, const struct batch *batch)
{
	const struct crossed *first = batch->keys[0];
	bool one = batch->count == 1;
	char who[300];

	if (one)
		snprintf(who, sizeof(who), "key %s", first->name);
	else
		snprintf(who, sizeof(who), "%zu keys", batch->count);
	if (batch->kind == V2M_EVENT_KEY_LIMIT)
		return v2m_round_event(round, batch->kind, V2M_STATE_RAISED,
				       "%s %s used %u %% of %s", who, one ? "has" : "have",
				       first->step, one ? "its limit" : "their limits");
	if (first->expires_s <= round->look->real_us / 1000000)
		return v2m_round_event(round, batch->kind, V2M_STATE_RAISED, "%s %s expired", who,
				       one ? "has" : "have");
	return v2m_round_event(round, batch->kind, V2M_STATE_RAISED, "%s %s within %u day%s", who,
			       one ? "expires" : "expire", first->step,
			       first->step == 1 ? "" : "s");
}

static int send_batch(const struct v2m_round *round, const struct batch *batch)
{
	json_t *event = begin_event(round, batch);
	json_t *keys = json_array();
	bool limit = batch->kind == V2M_EVENT_KEY_LIMIT;
	int result = event ? 0 : -ENOMEM;

	for (size_t i = 0; i < batch->count && !result; i++) {
		const struct crossed *key = batch->keys[i];
		json_t *item = json_pack("{ss ss}", "id", key->id, "name", key->name);

		if (limit) {
			json_object_set_new(item, "used_bytes",
					    json_integer((json_int_t)key->used));
			json_object_set_new(item, "limit_bytes",
					    json_integer((json_int_t)key->limit));
		} else {
			json_object_set_new(item, "expires_at_s", json_integer(key->expires_s));
		}
		result = json_array_append_new(keys, item) ? -ENOMEM : 0;
		if (!result)
			result = limit ? add_limit_line(event, key) : add_expiry_line(event, key);
	}
	if (!result)
		result = json_object_set_new(event, limit ? "percent" : "days",
					     json_integer(batch->keys[0]->step));
	if (!result && json_object_set(event, "keys", keys) == 0) {
		json_decref(keys);
		return v2m_round_send(round, event);
	}
	json_decref(keys);
	json_decref(event);
	return v2m_error_set(round->error, -ENOMEM, "out of memory");
}

/* Whether two keys may be in one alert: they crossed the same step, and either both have expired or
 * neither has. */
static bool belong_together(const struct v2m_round *round, const struct crossed *a,
			    const struct crossed *b)
{
	const int64_t now_s = round->look->real_us / 1000000;

	return a->step == b->step && (a->expires_s <= now_s) == (b->expires_s <= now_s);
}

static int send_all(const struct v2m_round *round, enum v2m_event_kind kind,
		    struct crossed_list *news)
{
	V2M_FREE bool *sent = calloc(news->count + 1, sizeof(*sent));
	int result = sent ? 0 : v2m_error_set(round->error, -ENOMEM, "out of memory");

	for (size_t i = 0; i < news->count && !result; i++) {
		const struct crossed *keys[V2M_KEYS_PER_EVENT];
		struct batch batch = { kind, keys, 0 };

		for (size_t k = i; k < news->count && batch.count < V2M_KEYS_PER_EVENT; k++) {
			if (sent[k] || !belong_together(round, &news->items[i], &news->items[k]))
				continue;
			sent[k] = true;
			keys[batch.count++] = &news->items[k];
		}
		if (batch.count)
			result = send_batch(round, &batch);
	}
	return result;
}

static int look_at_key(const struct v2m_round *round, const json_t *key, const json_t *months,
		       const char *period, struct crossed_list lists[static 2])
{
	const json_t *limit = json_object_get(key, "limit_bytes");
	const json_t *expires = json_object_get(key, "expires_at_s");
	struct crossed read = { .id = json_string_value(json_object_get(key, "id")),
				.name = json_string_value(json_object_get(key, "name")) };
	struct crossed expiring;
	int result = 0;

	if (!read.id || !read.name)
		return 0;
	read.limit = json_is_integer(limit) ? (uint64_t)json_integer_value(limit)
					    : round->settings->key_limit_bytes;
	expiring = read;
	if (period && read.limit && read_used(round, key, months, &read.used))
		result = look_at_limit(round, &read, period, &lists[0]);
	else if (period && read.limit)
		result = keep_limits(round, &read, period);
	expiring.expires_s = json_integer_value(expires);
	if (!result && json_is_integer(expires))
		result = look_at_expiry(round, &expiring, &lists[1]);
	return result;
}

/* A new month makes new names. The daemon says which month its figures are of. NULL: it does not
 * say, so nothing is known about limits. */
static const char *name_period(const struct v2m_round *round)
{
	const char *month = json_string_value(json_object_get(round->look->month, "year_month"));

	return round->settings->key_period == V2M_PERIOD_MONTH ? month : "reset";
}

int v2m_watch_keys(const struct v2m_round *round)
{
	V2M_CLEANUP(clear_crossed) struct crossed_list limits = { 0 };
	V2M_CLEANUP(clear_crossed) struct crossed_list expiries = { 0 };
	const json_t *keys = json_object_get(round->look->keys, "keys");
	struct crossed_list lists[2] = { { 0 }, { 0 } };
	const char *period = name_period(round);
	json_t *months;
	int result = 0;

	/* A daemon that has lost its keys for a moment says nothing about them. */
	if (!json_array_size(keys))
		return 0;
	months = index_months(round->look);
	for (size_t i = 0; i < json_array_size(keys) && !result; i++)
		result = look_at_key(round, json_array_get(keys, i), months, period, lists);
	json_decref(months);
	limits = lists[0];
	expiries = lists[1];
	if (!result)
		result = send_all(round, V2M_EVENT_KEY_LIMIT, &limits);
	if (!result)
		result = send_all(round, V2M_EVENT_KEY_EXPIRY, &expiries);
	if (!result && period)
		result = v2m_crossings_end(round->crossings, "limit/", NULL, NULL, round->error);
	return result ? result
		      : v2m_crossings_end(round->crossings, "expiry/", NULL, NULL, round->error);
}
