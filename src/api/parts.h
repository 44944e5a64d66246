/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts that several answers of the API have in common. Private to the renderers. */
#ifndef V2METER_API_PARTS_H
#define V2METER_API_PARTS_H

#include "api/window.h"
#include "keys/keys.h"
#include "json/json_writer.h"

/* One answer while it is rendered. */
struct v2m_api {
	struct v2m_json_writer json;
	const struct v2m_snapshot *snapshot;
	enum v2m_api_bytes unit;
	uint64_t interfaces_rx; /* the monitored interfaces' counters, summed */
	uint64_t interfaces_tx;
};

/* A port's or key's figures in the unit that the API reports. */
struct v2m_api_figures {
	uint64_t rx;
	uint64_t tx;
	uint64_t total;
};

/* Adds up, and stops at the largest number. */
static inline uint64_t v2m_api_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Begins an answer about the snapshot. */
void v2m_api_init(struct v2m_api *api, const struct v2m_snapshot *snapshot,
		  enum v2m_api_bytes unit);
/* Opens the answer's object and writes "status": "success". */
void v2m_api_open_success(struct v2m_json_writer *json);
/* Write the timestamp, as ISO 8601 or as an integer, close the answer's object and make the body,
 * with HTTP status 200. 0 or -ENOMEM. */
int v2m_api_close_iso(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body);
int v2m_api_close_int(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body);
struct v2m_api_figures v2m_api_figures(const struct v2m_api *api, const struct v2m_totals *totals);

/* These write members into the open object. */
void v2m_api_put_timestamp_iso(struct v2m_json_writer *json, int64_t real_us);
void v2m_api_put_timestamp_int(struct v2m_json_writer *json, int64_t real_us);
/* "<name>_formatted": base 1024, as in "1.50 GB". */
void v2m_api_put_formatted(struct v2m_json_writer *json, const char *name, uint64_t bytes);
/* "port"; 0 becomes null. */
void v2m_api_put_port(struct v2m_json_writer *json, uint16_t port);
/* "key": the object that describes the key. */
void v2m_api_put_key(struct v2m_json_writer *json, const struct v2m_key *key);

/* These write values. */
void v2m_api_write_key(struct v2m_json_writer *json, const struct v2m_key *key);
/* A port as a number, or a range of ports as "20000-50000". */
void v2m_api_write_ports(struct v2m_json_writer *json, uint16_t first_port, uint16_t last_port);

#endif
