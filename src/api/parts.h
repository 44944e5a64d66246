/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What several answers of the API have in common, each written in one place. Private to the
 * renderers.
 */
#ifndef V2METER_API_PARTS_H
#define V2METER_API_PARTS_H

#include "api/window.h"
#include "keys/keys.h"
#include "json/json_writer.h"

/* What one rendering needs throughout. */
struct api {
	struct v2m_json_writer json;
	const struct v2m_snapshot *snapshot;
	enum v2m_api_bytes unit;
	uint64_t interfaces_rx; /* the monitored interfaces' counters, summed */
	uint64_t interfaces_tx;
};

/* A port's or key's figures in the unit that the API reports. */
struct api_figures {
	uint64_t rx;
	uint64_t tx;
	uint64_t total;
};

/* An empty body about the snapshot. */
void api_init(struct api *api, const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit);
/* Begins the object that is an answer, with "status": "success". */
void api_open_success(struct v2m_json_writer *json);
/* End the object that is an answer with its timestamp, of the one kind or the other, and the body
 * with status 200. 0 or -ENOMEM. */
int api_close_iso(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body);
int api_close_int(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body);
struct api_figures api_figures(const struct api *api, const struct v2m_totals *totals);

/* Members, written into the object that is open. */
void api_put_timestamp_iso(struct v2m_json_writer *json, int64_t real_us);
void api_put_timestamp_int(struct v2m_json_writer *json, int64_t real_us);
/* "<name>_formatted", base 1024. */
void api_put_formatted(struct v2m_json_writer *json, const char *name, uint64_t bytes);
/* "port"; 0 becomes null. */
void api_put_port(struct v2m_json_writer *json, uint16_t port);
/* "key", the key object. */
void api_put_key(struct v2m_json_writer *json, const struct v2m_key *key);

/* Values. */
void api_key_object(struct v2m_json_writer *json, const struct v2m_key *key);
void api_port_entry(struct api *api, const struct v2m_port_view *view);
/* What stands for the entry of a port that is not counted: whose it is, and why. */
void api_not_counted_entry(struct api *api, const struct v2m_key_port *port);
/* The key's port entry, or, without one byte figure that is not the key's alone, what stands for it
 * where the key has no port, shares it, or has one that is not counted. */
void api_key_entry(struct api *api, const struct v2m_key *key);
/* Members "shared" and "keys" of what belongs to a shared port. */
void api_put_shared(struct v2m_json_writer *json, const struct v2m_keyset *keyset, uint16_t port);

/* Where a key's figures cannot be told: true, and the answer that says so is in *body (with
 * *result, what the renderer returns). */
bool api_refuse_key(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
		    struct v2m_body *body, int *result);

#endif
