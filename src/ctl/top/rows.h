/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rows of v2meterctl top: read from the server's live figures, filtered and sorted. Nothing
 * here knows a terminal. */
#ifndef V2METER_CTL_TOP_ROWS_H
#define V2METER_CTL_TOP_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/ports.h"

enum v2m_top_sort {
	V2M_TOP_BY_RATE,
	V2M_TOP_BY_DOWN,
	V2M_TOP_BY_UP,
	V2M_TOP_BY_TOTAL,
	V2M_TOP_BY_LIFETIME,
	V2M_TOP_BY_CONNECTIONS,
	V2M_TOP_BY_NAME,
	V2M_TOP_N_SORTS,
};

/* A key, or a port that several keys share. Texts are safe for a terminal (text.h). */
struct v2m_top_row {
	char *subject; /* the key's id, or "port:N" */
	char *name;    /* for a port: how many keys share it, and which */
	char ports[V2M_CTL_PORTS_LEN];
	bool is_port;
	uint64_t rx; /* bytes since the last reset; rx is the user's uplink */
	uint64_t tx;
	uint64_t lifetime;
	uint64_t connections;
	double rate;    /* bytes per second, both directions, as the server tells it */
	double rx_rate; /* below 0: not known before the second answer */
	double tx_rate;
};

struct v2m_top_rows {
	struct v2m_top_row *items;
	size_t count;
	size_t capacity;
	double clock_s; /* the server's monotonic clock */
	size_t n_keys;  /* of the server, with those that have no row */
	bool exact;
};

/* Reads the answers of GET /api/traffic/live and GET /api/keys. A key that the list lacks is named
 * by its id. 0; -EINVAL if the answer has another shape, or -ENOMEM: *rows is then unchanged. */
int v2m_top_rows_read(const json_t *live, const json_t *keys, struct v2m_top_rows *rows);
void v2m_top_rows_clear(struct v2m_top_rows *rows);

/* Largest first, names in their order; reversed: the other way round. */
void v2m_top_rows_sort(struct v2m_top_rows *rows, enum v2m_top_sort sort, bool reversed);
/* Whether name, subject or ports contain the text, whatever its letter case; "" fits all. */
bool v2m_top_row_fits(const struct v2m_top_row *row, const char *text);

#endif
