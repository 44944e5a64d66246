/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PATHS_PUBLISHED_SCOPE_H
#define V2METER_PATHS_PUBLISHED_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/port_rule.h"

/* Tells which rules are about a key. */
struct v2m_published_scope {
	const struct v2m_port_aliases *configured; /* NULL: the configuration says nothing */
	/* Names the slot in which the port counts for a key by one of the transports, differently
	 * for each slot. 0: no key has the port. */
	uint32_t (*find_slot)(const void *context, uint16_t port, unsigned transports);
	/* Whether the address, IPv4 in the IPv4-mapped form, is one at which keys are served. */
	bool (*is_served)(const void *context, const uint8_t address[16]);
	/* Whether nobody on this host serves the port itself by one of the transports and families.
	 */
	bool (*is_free)(const void *context, uint16_t port, unsigned transports, unsigned families);
	const void *context;
};

#endif
