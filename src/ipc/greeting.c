// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/greeting.h"

#include <stdlib.h>

static void put_listen(struct v2m_wire *wire, struct v2m_strings *listen)
{
	size_t count = listen->count;

	v2m_wire_count(wire, &count, 4);
	for (size_t i = 0; i < count && !wire->failed; i++) {
		char *address = wire->reading ? NULL : listen->items[i];

		v2m_wire_text(wire, &address);
		if (!wire->reading)
			continue;
		if (!address || v2m_strings_add(listen, address))
			v2m_wire_refuse(wire);
		free(address);
	}
}

void v2m_put_greeting(struct v2m_wire *wire, struct v2m_greeting *greeting)
{
	put_listen(wire, &greeting->listen);
	v2m_wire_bytes(wire, &greeting->api_key, sizeof(greeting->api_key));
	greeting->api_bytes = v2m_wire_limited(wire, greeting->api_bytes, V2M_API_BYTES_PAYLOAD);
	v2m_wire_bool(wire, &greeting->verbose);
	v2m_wire_text(wire, &greeting->empty_in);
	if (!greeting->empty_in || !greeting->listen.count)
		v2m_wire_refuse(wire);
}

void v2m_greeting_clear(struct v2m_greeting *greeting)
{
	v2m_strings_clear(&greeting->listen);
	free(greeting->empty_in);
	*greeting = (struct v2m_greeting){ 0 };
}
