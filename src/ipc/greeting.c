// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/greeting.h"

#include <stdlib.h>

void v2m_put_greeting(struct v2m_wire *wire, struct v2m_greeting *greeting)
{
	greeting->n_listeners = v2m_wire_limited(wire, greeting->n_listeners, V2M_LISTENERS_MAX);
	v2m_wire_bytes(wire, &greeting->api_key, sizeof(greeting->api_key));
	greeting->api_bytes = v2m_wire_limited(wire, greeting->api_bytes, V2M_API_BYTES_DELIVERED);
	v2m_wire_u32(wire, &greeting->metrics.keys_max);
	v2m_wire_bool(wire, &greeting->metrics.key_names);
	v2m_wire_bool(wire, &greeting->verbose);
	v2m_wire_text(wire, &greeting->empty_in);
	if (!greeting->empty_in || !greeting->n_listeners)
		v2m_wire_refuse(wire);
}

void v2m_greeting_clear(struct v2m_greeting *greeting)
{
	free(greeting->empty_in);
	*greeting = (struct v2m_greeting){ 0 };
}
