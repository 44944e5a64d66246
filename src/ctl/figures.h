/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The figures in an answer about traffic, in any of the API's shapes. */
#ifndef V2METER_CTL_FIGURES_H
#define V2METER_CTL_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The shapes of answers about traffic (docs/openapi.yaml). */
enum v2m_shape {
	V2M_SHAPE_SIMPLE,
	V2M_SHAPE_PORTS_EXACT,
	V2M_SHAPE_EXACT,
	V2M_SHAPE_KEY_SIMPLE,
	V2M_SHAPE_KEY_PORT_EXACT,
	V2M_SHAPE_KEY_EXACT,
	V2M_SHAPE_RESET,
};

/* One port, or one key in a shape without ports. Strings and entry belong to the answer that they
 * were read from, or to the key list that added them. */
struct v2m_ctl_figure {
	const char *key_id; /* NULL: the answer does not say */
	const char *name;
	const char *uuid;
	uint64_t port; /* 0: none, or not told */
	uint64_t connections;
	uint64_t rx; /* bytes; rx is the user's uplink */
	uint64_t tx;
	double rate;    /* bytes per second; below 0: not told */
	size_t sharers; /* number of keys that share this port; 0: it is not shared */
	const json_t *entry;
};

struct v2m_ctl_figures {
	struct v2m_ctl_figure *rows; /* in the answer's order */
	size_t n_rows;
};

/* False: the answer does not have that shape (a member is missing or has another type), or memory
 * has run out; *figures is unchanged. The answer to a reset has no rows: true means that it says
 * the reset was done. */
bool v2m_ctl_figures_read(enum v2m_shape shape, const json_t *answer,
			  struct v2m_ctl_figures *figures);
void v2m_ctl_figures_clear(struct v2m_ctl_figures *figures);

/* Adds missing names, ids and ports from the answer of GET /api/keys, joined by uuid. */
void v2m_ctl_figures_name(struct v2m_ctl_figures *figures, const json_t *keys);

/* Sorts by traffic, most first, then by port. */
void v2m_ctl_figures_sort(struct v2m_ctl_figures *figures);

/* Whether the answer to a reset says explicitly that nothing was reset. */
bool v2m_ctl_reset_refused(const json_t *answer);

#endif
