// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/rate_history.h"

/* The answers with the rate history and the hours of a key. */
#include <errno.h>
#include <math.h>

#include "api/parts.h"
#include "base/calendar.h"
#include "api/history.h"
#include "base/cleanup.h"

static void put_rates(struct v2m_json_writer *json, const char *name,
		      const struct v2m_key_rates *rates, bool rx)
{
	v2m_put_open(json, name, '[');
	for (size_t i = 0; i < rates->n_points; i++)
		v2m_write_u64(json, (uint64_t)llroundf(rx ? rates->points[i].rx_bytes_s
							  : rates->points[i].tx_bytes_s));
	v2m_write_close(json, ']');
}

int v2m_api_key_rates(const struct v2m_key *key, const struct v2m_key_rates *rates,
		      struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };

	v2m_api_open_success(&json);
	v2m_api_put_key(&json, key);
	v2m_put_string(&json, "unit", "wire");
	v2m_put_seconds(&json, "start", rates->start_us);
	v2m_put_u64(&json, "step_s", rates->step_s);
	put_rates(&json, "rx", rates, true);
	put_rates(&json, "tx", rates, false);
	return v2m_api_close_iso(&json, rates->real_us, body);
}

static void put_date(struct v2m_json_writer *json, const char *name, int32_t date)
{
	char text[V2M_DATE_LEN];

	v2m_date_format(date, text);
	v2m_put_string(json, name, text);
}

static void put_hour(struct v2m_api *api, const struct v2m_history_hour *hour)
{
	struct v2m_api_figures bytes = v2m_api_figures(api, &hour->figures.totals);

	v2m_write_open(&api->json, '{');
	v2m_put_u64(&api->json, "start", (uint64_t)hour->start_s);
	v2m_put_fixed(&api->json, "utc_offset_s", hour->utc_offset_s, 0);
	v2m_put_u64(&api->json, "total_bytes", bytes.total);
	v2m_put_u64(&api->json, "rx_bytes", bytes.rx);
	v2m_put_u64(&api->json, "tx_bytes", bytes.tx);
	v2m_put_u64(&api->json, "max_connections", hour->figures.max_connections);
	v2m_put_u64(&api->json, "sessions", hour->figures.sessions);
	v2m_write_close(&api->json, '}');
}

int v2m_api_key_hours(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body)
{
	const struct v2m_history_argument *asked = argument;
	const struct v2m_meter *meter = asked->meter;
	V2M_FREE struct v2m_history_hour *hours = NULL;
	size_t n_hours = 0;
	struct v2m_api api;

	*asked->verdict = meter->hours(meter->context, &asked->query, &hours, &n_hours);
	if (*asked->verdict != V2M_OK)
		return -EAGAIN;
	v2m_api_init(&api, snapshot, unit);
	v2m_api_open_success(&api.json);
	v2m_put_open(&api.json, "data", '{');
	v2m_put_string(&api.json, "key_id", asked->query.id_or_uuid);
	put_date(&api.json, "from", asked->query.from);
	put_date(&api.json, "to", asked->query.to);
	v2m_put_open(&api.json, "hours", '[');
	for (size_t i = 0; i < n_hours; i++)
		put_hour(&api, &hours[i]);
	v2m_write_close(&api.json, ']');
	v2m_write_close(&api.json, '}');
	return v2m_api_close_iso(&api.json, snapshot->real_us, body);
}
