// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/slot_rules.h"

#include <stdlib.h>

/* Orders rules by width, then by first port. */
static int compare_widths(const void *left, const void *right)
{
	const struct v2m_port_rule *a = left;
	const struct v2m_port_rule *b = right;
	int width_a = a->last_port - a->first_port;
	int width_b = b->last_port - b->first_port;

	return width_a != width_b ? width_a - width_b : (int)a->first_port - (int)b->first_port;
}

struct v2m_port_rule *v2m_slot_rules_make(const struct v2m_keyset *keyset, size_t *count)
{
	const struct v2m_slots *slots = &keyset->slots;
	struct v2m_port_rule *rules = calloc(slots->count + 1, sizeof(*rules));

	*count = 0;
	if (!rules)
		return NULL;
	for (size_t i = 0; i < slots->count; i++) {
		const struct v2m_slot *slot = &slots->items[i];

		if (slot->refused)
			continue;
		rules[(*count)++] = (struct v2m_port_rule){
			.first_port = slot->first_port,
			.last_port = slot->last_port,
			.transports = slot->transports,
			.loopback = slot->loopback,
			.shared = slot->n_keys > 1,
		};
	}
	qsort(rules, *count, sizeof(*rules), compare_widths);
	return rules;
}
