// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/terms.h"

#include "api/parts.h"
#include "base/format.h"

static void put_span(struct v2m_json_writer *json, const struct v2m_span *span)
{
	v2m_write_open(json, '{');
	v2m_put_u64(json, "port", span->first_port);
	if (span->last_port != span->first_port)
		v2m_put_u64(json, "last_port", span->last_port);
	v2m_put_string(json, "transport", v2m_format_transports(span->transports));
	v2m_write_close(json, '}');
}

/* The bytes of a key on a shared port may not be known. Neither are those of a key that is counted
 * nowhere. */
static void put_used(struct v2m_api *api, const struct v2m_key *key)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	const struct v2m_key_view *view = v2m_snapshot_key(api->snapshot, key);
	bool counted = false;
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &count);

	for (size_t i = 0; i < count; i++)
		counted |= api->snapshot->slots[slots[i]].counted;
	if (counted && v2m_snapshot_knows(api->snapshot, key))
		v2m_put_u64(&api->json, "used_bytes",
			    v2m_api_figures(api, &view->since_reset).total);
	else
		v2m_put_null(&api->json, "used_bytes");
}

static void write_key(struct v2m_api *api, const struct v2m_key *key)
{
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '{');
	v2m_put_string(json, "id", key->id);
	v2m_put_string(json, "name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_bool(json, "is_active", key->is_active);
	v2m_put_open(json, "ports", '[');
	for (size_t i = 0; i < key->n_spans; i++)
		put_span(json, &key->spans[i]);
	v2m_write_close(json, ']');
	put_used(api, key);
	if (key->terms.limit_bytes)
		v2m_put_u64(json, "limit_bytes", key->terms.limit_bytes);
	else
		v2m_put_null(json, "limit_bytes");
	if (key->terms.expires_s)
		v2m_put_u64(json, "expires_at_s", (uint64_t)key->terms.expires_s);
	else
		v2m_put_null(json, "expires_at_s");
	v2m_write_close(json, '}');
}

int v2m_api_terms(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body)
{
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	v2m_api_open_success(&api.json);
	v2m_put_open(&api.json, "data", '{');
	v2m_put_open(&api.json, "keys", '[');
	for (size_t i = 0; i < snapshot->keyset->n_keys; i++)
		write_key(&api, &snapshot->keyset->keys[i]);
	v2m_write_close(&api.json, ']');
	v2m_write_close(&api.json, '}');
	return v2m_api_close_iso(&api.json, snapshot->real_us, body);
}
