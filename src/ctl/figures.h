/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The figures of a traffic answer, whichever of the API's shapes carries them. */
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

/* One port, or one key where the shape knows no ports. Strings and entry live as long as the answer
 * they were read from (or the key list that named them). */
struct v2m_figure {
	const char *key_id; /* NULL: the answer does not say */
	const char *name;
	const char *uuid;
	uint64_t port; /* 0: none, or not said */
	uint64_t connections;
	uint64_t rx; /* bytes: the user's uplink */
	uint64_t tx;
	double rate;    /* bytes per second; below 0: not said */
	size_t sharers; /* keys on this port where several share it, else 0 */
	const json_t *entry;
};

struct v2m_figures {
	struct v2m_figure *rows; /* as the answer orders them */
	size_t n_rows;
};

/* False: the answer is not of that shape (a member missing or of another type), and *figures is
 * untouched; also when out of memory. A reset's answer has no rows: true means that it says the
 * reset was done. */
bool v2m_figures_read(enum v2m_shape shape, const json_t *answer, struct v2m_figures *figures);
void v2m_figures_clear(struct v2m_figures *figures);

/* Names, ids and ports where the answer lacked them, from GET /api/keys, joined by uuid. */
void v2m_figures_name(struct v2m_figures *figures, const json_t *keys);

/* Most traffic first; equal ones by port. */
void v2m_figures_sort(struct v2m_figures *figures);

/* Whether a reset's answer says in so many words that nothing was reset. */
bool v2m_reset_refused(const json_t *answer);

#endif
