// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/transport.h"
#include "api/body.h"
#include "api/error.h"

void v2m_api_init(struct v2m_api *api, const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit)
{
	memset(api, 0, sizeof(*api));
	api->snapshot = snapshot;
	api->unit = unit;
	for (size_t i = 0; i < snapshot->n_interfaces; i++) {
		api->interfaces_rx =
			v2m_api_add(api->interfaces_rx, snapshot->interfaces[i].rx_bytes);
		api->interfaces_tx =
			v2m_api_add(api->interfaces_tx, snapshot->interfaces[i].tx_bytes);
	}
}

void v2m_api_open_success(struct v2m_json_writer *json)
{
	v2m_write_open(json, '{');
	v2m_put_string(json, "status", "success");
}

int v2m_api_close_iso(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body)
{
	v2m_api_put_timestamp_iso(json, real_us);
	v2m_write_close(json, '}');
	return v2m_api_finish(json, 200, body);
}

int v2m_api_close_int(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body)
{
	v2m_api_put_timestamp_int(json, real_us);
	v2m_write_close(json, '}');
	return v2m_api_finish(json, 200, body);
}

struct v2m_api_figures v2m_api_figures(const struct v2m_api *api, const struct v2m_totals *totals)
{
	struct v2m_api_figures figures = { 0 };

	switch (api->unit) {
	case V2M_API_BYTES_WIRE:
		figures.rx = totals->rx.wire_bytes;
		figures.tx = totals->tx.wire_bytes;
		break;
	case V2M_API_BYTES_PAYLOAD:
		figures.rx = totals->rx.payload_bytes;
		figures.tx = totals->tx.payload_bytes;
		break;
	case V2M_API_BYTES_DELIVERED:
		figures.rx = totals->delivered_rx;
		figures.tx = totals->delivered_tx;
		break;
	}
	/* Neither is above 2^63 - 1: their sum is exact. */
	figures.total = figures.rx + figures.tx;
	return figures;
}

void v2m_api_put_timestamp_iso(struct v2m_json_writer *json, int64_t real_us)
{
	char text[V2M_FORMAT_TIME_LEN];

	v2m_format_time(real_us, text);
	v2m_put_string(json, "timestamp", text);
}

void v2m_api_put_timestamp_int(struct v2m_json_writer *json, int64_t real_us)
{
	v2m_put_u64(json, "timestamp", (uint64_t)(real_us / 1000000));
}

void v2m_api_put_formatted(struct v2m_json_writer *json, const char *name, uint64_t bytes)
{
	char member[64];
	char text[V2M_FORMAT_BYTES_LEN];

	snprintf(member, sizeof(member), "%s_formatted", name);
	v2m_format_bytes(bytes, text);
	v2m_put_string(json, member, text);
}

void v2m_api_put_port(struct v2m_json_writer *json, uint16_t port)
{
	if (port)
		v2m_put_u64(json, "port", port);
	else
		v2m_put_null(json, "port");
}

void v2m_api_write_ports(struct v2m_json_writer *json, uint16_t first_port, uint16_t last_port)
{
	char text[V2M_SPAN_TEXT_LEN];

	if (first_port == last_port) {
		v2m_write_u64(json, first_port);
		return;
	}
	v2m_span_format(first_port, last_port, text);
	v2m_write_string(json, text);
}

/* Writes "ports": the ports as numbers and the ranges as strings, each of them once. */
static void put_ports(struct v2m_json_writer *json, const struct v2m_key *key)
{
	v2m_put_open(json, "ports", '[');
	for (size_t i = 0; i < key->n_spans; i++) {
		bool listed = false;

		for (size_t k = 0; k < i && !listed; k++)
			listed = key->spans[k].first_port == key->spans[i].first_port &&
				 key->spans[k].last_port == key->spans[i].last_port;
		if (!listed)
			v2m_api_write_ports(json, key->spans[i].first_port,
					    key->spans[i].last_port);
	}
	v2m_write_close(json, ']');
}

void v2m_api_write_key(struct v2m_json_writer *json, const struct v2m_key *key)
{
	v2m_write_open(json, '{');
	v2m_put_string(json, "id", key->id);
	v2m_put_string(json, "name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_string(json, "created_at", key->created_at);
	v2m_put_bool(json, "is_active", key->is_active);
	v2m_api_put_port(json, v2m_key_port(key));
	if (v2m_key_has_several_ports(key))
		put_ports(json, key);
	if (key->short_id)
		v2m_put_string(json, "short_id", key->short_id);
	if (key->sni)
		v2m_put_string(json, "sni", key->sni);
	v2m_write_close(json, '}');
}

void v2m_api_put_key(struct v2m_json_writer *json, const struct v2m_key *key)
{
	v2m_write_name(json, "key");
	v2m_api_write_key(json, key);
}
