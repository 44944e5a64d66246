// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/history.h"

#include "ipc/figures.h"

/* The least that an item of each list takes in a message. */
#define FIGURES_SIZE (8 * 8 + 12)
#define KEY_SIZE     (2 * FIGURES_SIZE)
#define POINT_SIZE   8

static void put_days(struct v2m_wire *wire, struct v2m_history_key *key)
{
	key->days = v2m_wire_array(wire, key->days, &key->n_days, FIGURES_SIZE, sizeof(*key->days));
	for (size_t i = 0; i < key->n_days && !wire->failed; i++) {
		v2m_wire_i32(wire, &key->days[i].date);
		v2m_put_figures(wire, &key->days[i].figures);
	}
}

static void put_key(struct v2m_wire *wire, struct v2m_history_key *key)
{
	v2m_wire_text(wire, &key->id);
	v2m_wire_text(wire, &key->uuid);
	v2m_wire_text(wire, &key->name);
	v2m_wire_text(wire, &key->created_at);
	v2m_wire_u16(wire, &key->port);
	v2m_wire_bool(wire, &key->is_active);
	v2m_wire_u32(wire, &key->slot_number);
	v2m_wire_bool(wire, &key->shares_port);
	v2m_wire_i64(wire, &key->first_seen_us);
	v2m_wire_i64(wire, &key->last_activity_us);
	v2m_put_figures(wire, &key->all);
	v2m_put_figures(wire, &key->month);
	put_days(wire, key);
	if (!key->slot_number && (!key->id || !key->uuid || !key->name))
		v2m_wire_refuse(wire);
}

void v2m_put_history(struct v2m_wire *wire, struct v2m_history *history)
{
	v2m_wire_i32(wire, &history->month);
	history->keys = v2m_wire_array(wire, history->keys, &history->n_keys, KEY_SIZE,
				       sizeof(*history->keys));
	for (size_t i = 0; i < history->n_keys && !wire->failed; i++)
		put_key(wire, &history->keys[i]);
}

void v2m_put_history_date(struct v2m_wire *wire, struct v2m_history_date *date)
{
	v2m_wire_i32(wire, &date->date);
	v2m_put_totals(wire, &date->totals);
	v2m_wire_u64(wire, &date->connections);
	v2m_wire_u64(wire, &date->sessions);
	v2m_wire_size(wire, &date->active_keys);
}

void v2m_put_hours(struct v2m_wire *wire, struct v2m_history_hour **hours, size_t *count)
{
	*hours = v2m_wire_array(wire, *hours, count, FIGURES_SIZE, sizeof(**hours));
	for (size_t i = 0; i < *count && !wire->failed; i++) {
		v2m_wire_i64(wire, &(*hours)[i].start_s);
		v2m_wire_i32(wire, &(*hours)[i].utc_offset_s);
		v2m_put_figures(wire, &(*hours)[i].figures);
	}
}

void v2m_put_rates(struct v2m_wire *wire, struct v2m_key_rates *rates)
{
	v2m_wire_i64(wire, &rates->start_us);
	rates->step_s = v2m_wire_limited(wire, rates->step_s, UINT32_MAX);
	rates->points = v2m_wire_array(wire, rates->points, &rates->n_points, POINT_SIZE,
				       sizeof(*rates->points));
	for (size_t i = 0; i < rates->n_points && !wire->failed; i++) {
		v2m_wire_float(wire, &rates->points[i].rx_bytes_s);
		v2m_wire_float(wire, &rates->points[i].tx_bytes_s);
	}
	v2m_wire_i64(wire, &rates->real_us);
}
