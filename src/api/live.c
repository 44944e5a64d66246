// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/live.h"

#include <stdio.h>

#include "api/entry_write.h"
#include "api/parts.h"
#include "base/macros.h"

/* The columns of a row, in this order. */
static const char *const columns[] = {
	"subject", "rx_bytes", "tx_bytes", "lifetime_bytes", "connections", "traffic_rate",
};

/* One row. */
struct row {
	const char *subject; /* the id of a key, or port:N */
	struct v2m_totals since_reset;
	struct v2m_totals lifetime;
	size_t connections;
	double rate_bytes_s;
};

static void put_columns(struct v2m_json_writer *json)
{
	v2m_put_open(json, "columns", '[');
	for (size_t i = 0; i < V2M_ARRAY_LEN(columns); i++)
		v2m_write_string(json, columns[i]);
	v2m_write_close(json, ']');
}

static void write_row(struct v2m_api *api, const struct row *row)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &row->since_reset);
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '[');
	v2m_write_string(json, row->subject);
	v2m_write_u64(json, figures.rx);
	v2m_write_u64(json, figures.tx);
	v2m_write_u64(json, v2m_api_figures(api, &row->lifetime).total);
	v2m_write_u64(json, row->connections);
	v2m_write_fixed(json, row->rate_bytes_s, 0);
	v2m_write_close(json, ']');
}

/* "port:443" or "port:20000-30000"; "/udp" follows if the slot is without TCP. */
static void name_slot(const struct v2m_slot *slot, char name[static 32])
{
	char range[8] = "";

	if (slot->last_port != slot->first_port)
		snprintf(range, sizeof(range), "-%u", slot->last_port);
	snprintf(name, 32, "port:%u%s%s", slot->first_port, range,
		 slot->transports & V2M_TCP ? "" : "/udp");
}

/* Whether a slot has a row of its own: its bytes are not those of one key, or one of its key's
 * other slots is shared, so that the key has no figures. Slots behind others are in no sum. */
static bool has_row(const struct v2m_keyset *keyset, const struct v2m_slot *slot)
{
	return slot->n_keys && !slot->behind &&
	       (slot->n_keys > 1 || v2m_keyset_shares(keyset, &keyset->keys[slot->keys[0]]));
}

/* A key that shares no slot. False: it has no port, or none of its ports is counted. */
static bool make_key_row(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			 struct row *row)
{
	const struct v2m_key_view *view = v2m_snapshot_key(snapshot, key);
	bool counted = false;
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(snapshot->keyset, key, &count);

	*row = (struct row){ key->id, view->since_reset, view->lifetime, 0, 0 };
	for (size_t i = 0; i < count; i++) {
		const struct v2m_slot_view *slot = &snapshot->slots[slots[i]];

		counted |= slot->counted;
		row->connections += slot->n_connections;
		row->rate_bytes_s += slot->rate_bytes_s;
	}
	return counted;
}

static void put_rows(struct v2m_api *api)
{
	const struct v2m_snapshot *snapshot = api->snapshot;
	const struct v2m_keyset *keyset = snapshot->keyset;
	char name[32];
	struct row row;

	v2m_put_open(&api->json, "rows", '[');
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (!v2m_keyset_shares(keyset, &keyset->keys[i]) &&
		    make_key_row(snapshot, &keyset->keys[i], &row))
			write_row(api, &row);
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot_view *view = &snapshot->slots[i];

		if (!view->counted || !has_row(keyset, &keyset->slots.items[i]))
			continue;
		name_slot(&keyset->slots.items[i], name);
		row = (struct row){ name, view->since_reset, view->unattributed_lifetime,
				    view->n_connections, view->rate_bytes_s };
		write_row(api, &row);
	}
	v2m_write_close(&api->json, ']');
}

static void put_shared(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	char name[32];

	v2m_put_open(&api->json, "shared", '{');
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];

		if (!has_row(keyset, slot))
			continue;
		name_slot(slot, name);
		v2m_put_open(&api->json, name, '[');
		for (size_t k = 0; k < slot->n_keys; k++)
			v2m_write_string(&api->json, keyset->keys[slot->keys[k]].id);
		v2m_write_close(&api->json, ']');
	}
	v2m_write_close(&api->json, '}');
}

/* Keys that share nothing and of whose ports none is counted. They have no row, not even one of
 * zeros. */
static void put_not_counted(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	struct row row;

	v2m_put_open(&api->json, "not_counted", '[');
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (v2m_key_port(&keyset->keys[i]) &&
		    !v2m_keyset_shares(keyset, &keyset->keys[i]) &&
		    !make_key_row(api->snapshot, &keyset->keys[i], &row))
			v2m_write_string(&api->json, keyset->keys[i].id);
	v2m_write_close(&api->json, ']');
}

int v2m_api_live(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_api_open_success(json);
	v2m_put_open(json, "data", '{');
	v2m_put_seconds(json, "clock_s", (int64_t)(snapshot->mono_ns / 1000));
	v2m_put_u64(json, "total_keys", snapshot->keyset->n_keys);
	v2m_api_put_accounting(&api, NULL);
	put_columns(json);
	put_rows(&api);
	put_shared(&api);
	put_not_counted(&api);
	v2m_write_close(json, '}');
	return v2m_api_close_iso(json, snapshot->real_us, body);
}
