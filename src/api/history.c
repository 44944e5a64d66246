// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/history.h"

/* The answers about history (docs/openapi.yaml). Their timestamps are those of the snapshot. */
#include <errno.h>
#include <stdio.h>

#include "api/entry.h"
#include "api/parts.h"
#include "base/calendar.h"
#include "base/format.h"
#include "base/cleanup.h"

/* The sums over a list of histories. */
struct sums {
	struct v2m_api_figures bytes;
	uint64_t keys;
	uint64_t active;
	uint64_t connections;
	uint64_t sessions;
};

static void put_time(struct v2m_json_writer *json, const char *name, int64_t real_us)
{
	char text[V2M_FORMAT_TIME_LEN];

	if (real_us)
		v2m_format_time(real_us, text);
	v2m_put_string(json, name, real_us ? text : NULL);
}

static void put_bytes(struct v2m_json_writer *json, const struct v2m_api_figures *figures)
{
	v2m_put_u64(json, "total_bytes", figures->total);
	v2m_put_u64(json, "rx_bytes", figures->rx);
	v2m_put_u64(json, "tx_bytes", figures->tx);
}

static void put_formatted(struct v2m_json_writer *json, const struct v2m_api_figures *figures)
{
	v2m_api_put_formatted(json, "total", figures->total);
	v2m_api_put_formatted(json, "rx", figures->rx);
	v2m_api_put_formatted(json, "tx", figures->tx);
}

/* Writes the members of a Day. */
static void put_day(struct v2m_api *api, const struct v2m_history_figures *day)
{
	struct v2m_api_figures bytes = v2m_api_figures(api, &day->totals);

	put_bytes(&api->json, &bytes);
	v2m_put_u64(&api->json, "max_connections", day->max_connections);
	v2m_put_u64(&api->json, "sessions", day->sessions);
}

static void put_days(struct v2m_api *api, const char *name, const struct v2m_history_key *key)
{
	char date[V2M_DATE_LEN];

	v2m_put_open(&api->json, name, '{');
	for (size_t i = 0; i < key->n_days; i++) {
		v2m_date_format(key->days[i].date, date);
		v2m_put_open(&api->json, date, '{');
		put_day(api, &key->days[i].figures);
		v2m_write_close(&api->json, '}');
	}
	v2m_write_close(&api->json, '}');
}

/* The keys of a slot, as they are now. Nothing, if there is no such slot any more. */
static void put_slot_keys(struct v2m_api *api, uint32_t slot_number)
{
	const struct v2m_slots *slots = &api->snapshot->keyset->slots;

	for (size_t i = 0; i < slots->count; i++)
		if (v2m_slot_number(&slots->items[i]) == slot_number)
			v2m_api_put_slot_keys(&api->json, api->snapshot->keyset, &slots->items[i]);
}

/* Writes the members of a History up to its figures. */
static void put_key(struct v2m_api *api, const struct v2m_history_key *key)
{
	struct v2m_json_writer *json = &api->json;

	v2m_put_string(json, "key_uuid", key->uuid);
	v2m_put_string(json, "key_name", key->name);
	v2m_put_string(json, "key_id", key->id);
	v2m_api_put_port(json, key->port);
	if (key->created_at)
		v2m_put_string(json, "created_at", key->created_at);
	else
		put_time(json, "created_at", key->first_seen_us);
	put_time(json, "last_activity", key->last_activity_us);
	v2m_put_bool(json, "is_active", key->is_active);
	if (key->slot_number)
		put_slot_keys(api, key->slot_number);
	if (key->shares_port)
		v2m_put_bool(json, "shares_port", true);
}

static void put_total_traffic(struct v2m_api *api, const struct v2m_history_key *key)
{
	struct v2m_api_figures bytes = v2m_api_figures(api, &key->all.totals);

	v2m_put_open(&api->json, "total_traffic", '{');
	put_bytes(&api->json, &bytes);
	v2m_put_u64(&api->json, "total_connections", key->all.max_connections);
	put_formatted(&api->json, &bytes);
	v2m_write_close(&api->json, '}');
}

static void put_monthly_traffic(struct v2m_api *api, const struct v2m_history_key *key)
{
	struct v2m_api_figures bytes = v2m_api_figures(api, &key->month.totals);

	v2m_put_open(&api->json, "monthly_traffic", '{');
	put_day(api, &key->month);
	put_formatted(&api->json, &bytes);
	v2m_write_close(&api->json, '}');
}

/* Writes the list of keys; put_traffic writes the traffic of each. */
static void put_keys(struct v2m_api *api, const struct v2m_history *history,
		     void (*put_traffic)(struct v2m_api *api, const struct v2m_history_key *key))
{
	v2m_put_open(&api->json, "keys", '[');
	for (size_t i = 0; i < history->n_keys; i++) {
		v2m_write_open(&api->json, '{');
		put_key(api, &history->keys[i]);
		put_traffic(api, &history->keys[i]);
		v2m_write_close(&api->json, '}');
	}
	v2m_write_close(&api->json, ']');
}

static void open_answer(struct v2m_api *api, const struct v2m_snapshot *snapshot,
			enum v2m_api_bytes unit)
{
	v2m_api_init(api, snapshot, unit);
	v2m_api_open_success(&api->json);
	v2m_put_open(&api->json, "data", '{');
}

static int finish_answer(struct v2m_api *api, struct v2m_body *body)
{
	v2m_write_close(&api->json, '}');
	return v2m_api_close_iso(&api->json, api->snapshot->real_us, body);
}

/* Asks the meter for a history. 0 or -EAGAIN. */
static int ask_history(const struct v2m_history_argument *argument, struct v2m_history *history)
{
	const struct v2m_meter *meter = argument->meter;

	*argument->verdict = meter->history(meter->context, &argument->query, history);
	return *argument->verdict == V2M_OK ? 0 : -EAGAIN;
}

static bool has_activity(const struct v2m_history_figures *figures)
{
	return figures->totals.rx.wire_bytes || figures->totals.tx.wire_bytes ||
	       figures->max_connections || figures->sessions;
}

/* Adds up a list. month: the figures of the month, and a key is active if it did anything in it;
 * otherwise the figures of all time, and a key is active if it has connections now. */
static struct sums add_up(const struct v2m_api *api, const struct v2m_history *history, bool month)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < history->n_keys; i++) {
		const struct v2m_history_key *key = &history->keys[i];
		const struct v2m_history_figures *figures = month ? &key->month : &key->all;
		struct v2m_api_figures bytes = v2m_api_figures(api, &figures->totals);

		sums.bytes.rx = v2m_api_add(sums.bytes.rx, bytes.rx);
		sums.bytes.tx = v2m_api_add(sums.bytes.tx, bytes.tx);
		sums.bytes.total = v2m_api_add(sums.bytes.total, bytes.total);
		sums.keys += !key->slot_number;
		sums.active += month ? has_activity(figures) : key->is_active;
		sums.connections += figures->max_connections;
		sums.sessions = v2m_api_add(sums.sessions, figures->sessions);
	}
	return sums;
}

static void put_sums(struct v2m_json_writer *json, const struct sums *sums)
{
	v2m_put_u64(json, "total_keys", sums->keys);
	v2m_put_u64(json, "active_keys", sums->active);
	v2m_put_u64(json, "total_traffic_bytes", sums->bytes.total);
	v2m_put_u64(json, "total_rx_bytes", sums->bytes.rx);
	v2m_put_u64(json, "total_tx_bytes", sums->bytes.tx);
	v2m_api_put_formatted(json, "total_traffic", sums->bytes.total);
	v2m_api_put_formatted(json, "total_rx", sums->bytes.rx);
	v2m_api_put_formatted(json, "total_tx", sums->bytes.tx);
}

int v2m_api_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		    const void *argument, struct v2m_body *body)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	int result = ask_history(argument, &history);
	struct sums sums;
	struct v2m_api api;

	if (result)
		return result;
	open_answer(&api, snapshot, unit);
	sums = add_up(&api, &history, false);
	put_sums(&api.json, &sums);
	put_keys(&api, &history, put_total_traffic);
	return finish_answer(&api, body);
}

int v2m_api_key_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	int result = ask_history(argument, &history);
	struct v2m_api api;

	if (result)
		return result;
	open_answer(&api, snapshot, unit);
	put_key(&api, &history.keys[0]);
	put_total_traffic(&api, &history.keys[0]);
	put_days(&api, "daily_stats", &history.keys[0]);
	return finish_answer(&api, body);
}

int v2m_api_history_date(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			 const void *argument, struct v2m_body *body)
{
	const struct v2m_history_argument *asked = argument;
	struct v2m_history_date day = { 0 };
	char date[V2M_DATE_LEN];
	uint64_t bytes;
	struct v2m_api api;

	*asked->verdict = asked->meter->history_date(asked->meter->context, asked->date, &day);
	if (*asked->verdict != V2M_OK)
		return -EAGAIN;
	open_answer(&api, snapshot, unit);
	bytes = v2m_api_figures(&api, &day.totals).total;
	v2m_date_format(asked->date, date);
	v2m_put_string(&api.json, "date", date);
	v2m_put_u64(&api.json, "total_bytes", bytes);
	v2m_put_u64(&api.json, "total_connections", day.connections);
	v2m_put_u64(&api.json, "active_keys", day.active_keys);
	v2m_put_u64(&api.json, "total_sessions", day.sessions);
	v2m_api_put_formatted(&api.json, "total", bytes);
	return finish_answer(&api, body);
}

static void put_month(struct v2m_api *api, int32_t month)
{
	char text[V2M_DATE_LEN];

	v2m_month_format(month, text);
	v2m_put_string(&api->json, "year_month", text);
}

int v2m_api_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	int result = ask_history(argument, &history);
	struct sums sums;
	struct v2m_api api;

	if (result)
		return result;
	open_answer(&api, snapshot, unit);
	put_month(&api, history.month);
	sums = add_up(&api, &history, true);
	put_sums(&api.json, &sums);
	v2m_put_u64(&api.json, "total_connections", sums.connections);
	v2m_put_u64(&api.json, "total_sessions", sums.sessions);
	put_keys(&api, &history, put_monthly_traffic);
	return finish_answer(&api, body);
}

int v2m_api_key_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	int result = ask_history(argument, &history);
	struct v2m_api api;

	if (result)
		return result;
	open_answer(&api, snapshot, unit);
	put_key(&api, &history.keys[0]);
	put_monthly_traffic(&api, &history.keys[0]);
	put_month(&api, history.month);
	put_days(&api, "daily_breakdown", &history.keys[0]);
	return finish_answer(&api, body);
}

int v2m_api_history_reset(const char *asked, int64_t real_us, struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };

	v2m_api_open_success(&json);
	v2m_put_string(&json, "message", "Traffic history reset successfully");
	v2m_put_string(&json, "key_id", asked);
	return v2m_api_close_iso(&json, real_us, body);
}

int v2m_api_history_cleanup(unsigned days_kept, int64_t real_us, struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };
	char message[96];

	snprintf(message, sizeof(message), "Cleaned up traffic history older than %u days",
		 days_kept);
	v2m_api_open_success(&json);
	v2m_put_string(&json, "message", message);
	v2m_put_u64(&json, "days_kept", days_kept);
	return v2m_api_close_iso(&json, real_us, body);
}

int v2m_api_import(const struct v2m_import_result *counts, int64_t real_us, struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };

	v2m_api_open_success(&json);
	v2m_put_string(&json, "message", "Totals imported");
	v2m_put_u64(&json, "added", counts->added);
	v2m_put_u64(&json, "known", counts->known);
	v2m_put_u64(&json, "refused", counts->refused);
	return v2m_api_close_iso(&json, real_us, body);
}
