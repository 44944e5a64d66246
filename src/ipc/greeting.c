// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/greeting.h"

#include <stdlib.h>

/* The least that a text takes in a message. */
#define TEXT_SIZE 4

static void put_hosts(struct v2m_wire *wire, struct v2m_strings *hosts)
{
	hosts->items =
		v2m_wire_array(wire, hosts->items, &hosts->count, TEXT_SIZE, sizeof(*hosts->items));
	if (wire->reading)
		hosts->capacity = hosts->count;
	for (size_t i = 0; i < hosts->count && !wire->failed; i++) {
		v2m_wire_text(wire, &hosts->items[i]);
		if (!hosts->items[i])
			v2m_wire_refuse(wire);
	}
}

void v2m_put_greeting(struct v2m_wire *wire, struct v2m_greeting *greeting)
{
	greeting->n_listeners = v2m_wire_limited(wire, greeting->n_listeners, V2M_LISTENERS_MAX);
	greeting->api_bytes = v2m_wire_limited(wire, greeting->api_bytes, V2M_API_BYTES_DELIVERED);
	v2m_wire_u32(wire, &greeting->metrics.keys_max);
	v2m_wire_bool(wire, &greeting->metrics.key_names);
	put_hosts(wire, &greeting->hosts);
	v2m_wire_bool(wire, &greeting->verbose);
	v2m_wire_text(wire, &greeting->empty_in);
	if (!greeting->empty_in || !greeting->n_listeners)
		v2m_wire_refuse(wire);
}

void v2m_greeting_clear(struct v2m_greeting *greeting)
{
	free(greeting->empty_in);
	v2m_strings_clear(&greeting->hosts);
	*greeting = (struct v2m_greeting){ 0 };
}
