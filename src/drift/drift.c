// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "drift/drift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/name_index.h"

static void clear_entry(struct v2m_drift_entry *entry)
{
	free(entry->id);
	free(entry->name);
}

void v2m_drift_clear(struct v2m_drift *drift)
{
	for (size_t i = 0; i < drift->count; i++)
		clear_entry(&drift->items[i]);
	v2m_array_clear(drift);
}

static struct v2m_drift_bytes add(const struct v2m_drift_bytes *a, const struct v2m_drift_bytes *b)
{
	return (struct v2m_drift_bytes){
		.proxy_rx = a->proxy_rx + b->proxy_rx,
		.proxy_tx = a->proxy_tx + b->proxy_tx,
		.our_rx = a->our_rx + b->our_rx,
		.our_tx = a->our_tx + b->our_tx,
	};
}

static struct v2m_drift_bytes subtract(const struct v2m_drift_bytes *a,
				       const struct v2m_drift_bytes *b)
{
	return (struct v2m_drift_bytes){
		.proxy_rx = a->proxy_rx - b->proxy_rx,
		.proxy_tx = a->proxy_tx - b->proxy_tx,
		.our_rx = a->our_rx - b->our_rx,
		.our_tx = a->our_tx - b->our_tx,
	};
}

/* The proxy was restarted, or its counters were set to zero. */
static bool has_proxy_fallen(const struct v2m_drift_bytes *last, const struct v2m_drift_bytes *now)
{
	return now->proxy_rx < last->proxy_rx || now->proxy_tx < last->proxy_tx;
}

static bool have_ours_fallen(const struct v2m_drift_bytes *last, const struct v2m_drift_bytes *now)
{
	return now->our_rx < last->our_rx || now->our_tx < last->our_tx;
}

static bool is_ahead(uint64_t proxy, uint64_t ours, size_t connections)
{
	uint64_t allowed = ours + V2M_DRIFT_SLACK_BYTES + connections * V2M_DRIFT_CONNECTION_BYTES;

	return proxy > allowed && proxy - allowed > proxy / 100 * V2M_DRIFT_AHEAD_PERCENT;
}

static bool is_behind(uint64_t proxy, uint64_t ours, unsigned percent)
{
	return ours > proxy + V2M_DRIFT_SLACK_BYTES &&
	       ours - proxy - V2M_DRIFT_SLACK_BYTES > proxy / 100 * percent;
}

static bool is_any_ahead(const struct v2m_drift_entry *entry,
			 const struct v2m_drift_reading *reading)
{
	const struct v2m_drift_bytes *since = &entry->since;

	return is_ahead(since->proxy_rx, since->our_rx, reading->connections) ||
	       is_ahead(since->proxy_tx, since->our_tx, reading->connections);
}

/* Decides whether the entry drifts. While bytes may still be reported, a proxy that was behind
 * stays so. */
static void judge(struct v2m_drift_entry *entry, const struct v2m_drift_reading *reading,
		  int64_t now_us)
{
	const struct v2m_drift_bytes *since = &entry->since;
	unsigned percent = reading->has_udp ? V2M_DRIFT_BEHIND_UDP : V2M_DRIFT_BEHIND_PERCENT;
	bool settled = !reading->connections && now_us - entry->moved_us >= V2M_DRIFT_SETTLED_US;
	bool behind = !entry->resets && (is_behind(since->proxy_rx, since->our_rx, percent) ||
					 is_behind(since->proxy_tx, since->our_tx, percent));
	bool ahead = is_any_ahead(entry, reading);

	if (!ahead)
		entry->ahead_since_us = 0;
	else if (!entry->ahead_since_us)
		entry->ahead_since_us = now_us;
	if (ahead ? now_us - entry->ahead_since_us < V2M_DRIFT_AHEAD_US : behind && !settled)
		return;
	if (!ahead && !behind)
		entry->drifts_since_us = 0;
	else if (!entry->drifts_since_us)
		entry->drifts_since_us = now_us;
}

static void begin(struct v2m_drift_entry *entry, const struct v2m_drift_reading *reading,
		  int64_t now_us)
{
	entry->start = reading->bytes;
	entry->since = (struct v2m_drift_bytes){ 0 };
	entry->since_us = now_us;
	entry->moved_us = now_us;
	entry->resets = false;
}

static void note_comparison(const struct v2m_drift_entry *earlier, int64_t now_us,
			    struct v2m_drift_entry *entry)
{
	if (entry->since.our_rx != earlier->since.our_rx ||
	    entry->since.our_tx != earlier->since.our_tx)
		entry->moved_us = now_us;
	if (entry->n_comparisons < 2)
		entry->n_comparisons++;
}

static void go_on(const struct v2m_drift_entry *earlier, const struct v2m_drift_reading *reading,
		  int64_t now_us, struct v2m_drift_entry *entry)
{
	*entry = *earlier;
	entry->since = subtract(&reading->bytes, &entry->start);
	note_comparison(earlier, now_us, entry);
	/* Bytes that flowed between the reading of the proxy's counters and of ours at the
	 * beginning are in ours only. A key that the proxy gets to know began at 0, unless we did
	 * not know the proxy. */
	if (((entry->n_comparisons == 1 || (earlier->is_unknown && !reading->is_unknown)) &&
	     is_any_ahead(entry, reading)) ||
	    (entry->resets && now_us - entry->fell_us >= V2M_DRIFT_RESETS_US))
		begin(entry, reading, now_us);
}

/* What the proxy's counters have is new, and more may be lost. */
static void go_on_from_zero(const struct v2m_drift_entry *earlier,
			    const struct v2m_drift_bytes *last,
			    const struct v2m_drift_reading *reading, int64_t now_us,
			    struct v2m_drift_entry *entry)
{
	const struct v2m_drift_bytes grown = {
		.proxy_rx = reading->bytes.proxy_rx,
		.proxy_tx = reading->bytes.proxy_tx,
		.our_rx = reading->bytes.our_rx - last->our_rx,
		.our_tx = reading->bytes.our_tx - last->our_tx,
	};

	*entry = *earlier;
	entry->since = add(&earlier->since, &grown);
	entry->start = subtract(&reading->bytes, &entry->since);
	note_comparison(earlier, now_us, entry);
	entry->resets = true;
}

/* Compares, and decides. */
static void take_reading(const struct v2m_drift_entry *earlier,
			 const struct v2m_drift_reading *reading, int64_t now_us,
			 struct v2m_drift_entry *made)
{
	const struct v2m_drift_bytes none = { 0 };
	struct v2m_drift_bytes last = earlier ? add(&earlier->start, &earlier->since) : none;
	bool has_fallen = has_proxy_fallen(&last, &reading->bytes);

	if (!earlier || have_ours_fallen(&last, &reading->bytes))
		begin(made, reading, now_us);
	else if (!has_fallen)
		go_on(earlier, reading, now_us, made);
	else if (earlier->fell_us && now_us - earlier->fell_us < V2M_DRIFT_RESETS_US)
		go_on_from_zero(earlier, &last, reading, now_us, made);
	else
		begin(made, reading, now_us);
	if (has_fallen)
		made->fell_us = now_us;
	made->is_unknown = reading->is_unknown;
	if (!reading->is_unknown)
		judge(made, reading, now_us);
}

/* Makes the entry of a reading; earlier is NULL if the key is new. An old reading changes nothing.
 * 0 or -ENOMEM. */
static int make_entry(const struct v2m_drift_entry *earlier,
		      const struct v2m_drift_reading *reading, int64_t now_us,
		      struct v2m_drift_entry *made)
{
	*made = (struct v2m_drift_entry){ 0 };
	if (earlier && reading->is_old)
		*made = *earlier;
	else
		take_reading(earlier, reading, now_us, made);
	made->id = strdup(reading->id);
	made->name = strdup(reading->name);
	if (made->id && made->name)
		return 0;
	clear_entry(made);
	return -ENOMEM;
}

static int index_entries(const struct v2m_drift *drift, struct v2m_name_index *places)
{
	int result = 0;

	for (size_t i = 0; i < drift->count && !result; i++)
		result = v2m_name_index_set(places, drift->items[i].id, i);
	return result;
}

int v2m_drift_compare(struct v2m_drift *drift, const struct v2m_drift_reading *readings, size_t n,
		      int64_t now_us)
{
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index places = { 0 };
	V2M_CLEANUP(v2m_drift_clear) struct v2m_drift made = { 0 };
	struct v2m_drift old = *drift;
	int result = index_entries(drift, &places);

	if (!result && n)
		result = v2m_array_reserve(&made, n);
	for (size_t i = 0; i < n && !result; i++) {
		const struct v2m_drift_entry *earlier = NULL;
		size_t place;

		if (v2m_name_index_find(&places, readings[i].id, &place))
			earlier = &drift->items[place];
		result = make_entry(earlier, &readings[i], now_us, &made.items[made.count]);
		made.count += !result;
	}
	if (result)
		return result;
	*drift = made;
	made = old;
	return 0;
}

size_t v2m_drift_count_known(const struct v2m_drift *drift)
{
	size_t n = 0;

	for (size_t i = 0; i < drift->count; i++)
		n += !drift->items[i].is_unknown;
	return n;
}

size_t v2m_drift_count_resets(const struct v2m_drift *drift)
{
	size_t n = 0;

	for (size_t i = 0; i < drift->count; i++)
		n += drift->items[i].resets && !drift->items[i].is_unknown;
	return n;
}

int64_t v2m_drift_difference(const struct v2m_drift_entry *entry)
{
	const struct v2m_drift_bytes *since = &entry->since;

	return (int64_t)(since->our_rx + since->our_tx - since->proxy_rx - since->proxy_tx);
}

static int compare_worst(const void *a, const void *b)
{
	const struct v2m_drift_entry *left = *(const struct v2m_drift_entry *const *)a;
	const struct v2m_drift_entry *right = *(const struct v2m_drift_entry *const *)b;
	int64_t apart_left = llabs(v2m_drift_difference(left));
	int64_t apart_right = llabs(v2m_drift_difference(right));
	bool left_drifts = left->drifts_since_us;
	bool right_drifts = right->drifts_since_us;

	if (left_drifts != right_drifts)
		return left_drifts ? -1 : 1;
	return (apart_left < apart_right) - (apart_left > apart_right);
}

static int add_copy(struct v2m_drift *copy, const struct v2m_drift_entry *entry)
{
	struct v2m_drift_entry made = *entry;

	made.id = strdup(entry->id);
	made.name = strdup(entry->name);
	if (made.id && made.name && !v2m_array_add(copy, made))
		return 0;
	clear_entry(&made);
	return -ENOMEM;
}

int v2m_drift_copy_worst(const struct v2m_drift *drift, size_t max, struct v2m_drift *copy)
{
	V2M_FREE const struct v2m_drift_entry **order = calloc(drift->count + 1, sizeof(*order));
	size_t n = 0;
	int result = order ? 0 : -ENOMEM;

	for (size_t i = 0; !result && i < drift->count; i++)
		if (!drift->items[i].is_unknown)
			order[n++] = &drift->items[i];
	if (!result && n)
		qsort(order, n, sizeof(*order), compare_worst);
	for (size_t i = 0; !result && i < n && i < max; i++)
		result = add_copy(copy, order[i]);
	return result;
}
