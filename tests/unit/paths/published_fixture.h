/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys, rules and servers for the tests of published ports. */
#ifndef V2METER_TESTS_PUBLISHED_FIXTURE_H
#define V2METER_TESTS_PUBLISHED_FIXTURE_H

#include "paths/published.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/macros.h"
#include "base/transport.h"
#include "paths/nat_chains.h"

#define KEY_PORT 10001
/* Ports of one slot. */
#define RANGE_FIRST 30000
#define RANGE_LAST  30100

static const uint8_t own[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };

static inline uint32_t find_slot(const void *context, uint16_t port, unsigned transports)
{
	(void)context;
	if (!(transports & V2M_TCP))
		return 0;
	if (port >= RANGE_FIRST && port <= RANGE_LAST)
		return RANGE_FIRST;
	return port == KEY_PORT || port == KEY_PORT + 1 ? port : 0;
}

static inline bool is_served(const void *context, const uint8_t address[16])
{
	(void)context;
	return memcmp(address, own, sizeof(own)) == 0;
}

/* Somebody serves port 22 here, and port 80 by IPv6. */
static inline bool is_free(const void *context, uint16_t port, unsigned transports,
			   unsigned families)
{
	(void)context;
	(void)transports;
	return port != 22 && !(port == 80 && families & V2M_NAT_IPV6);
}

static const struct v2m_published_scope scope = { NULL, find_slot, is_served, is_free, NULL };
static const struct v2m_tracked_list nothing_tracked;

static const struct v2m_published_reading all_read = { 0, 0 };

/* A rule that is clear, for TCP. */
static inline struct v2m_nat_rule *add_rule(struct v2m_nat_rules *rules, uint16_t first,
					    uint16_t last, uint16_t target)
{
	struct v2m_nat_rule *rule = v2m_array_append(rules);

	*rule = (struct v2m_nat_rule){
		.changes = true,
		.clear = true,
		.families = V2M_NAT_BOTH,
		.transports = V2M_TCP,
		.target = { .first = target, .last = target },
	};
	assert_int_equal(
		v2m_array_add(&rule->ports, (struct v2m_nat_ports){ .first = first, .last = last }),
		0);
	return rule;
}

/* Makes the list, expects so many aliases, and clears the rules. */
static inline struct v2m_published make(struct v2m_nat_rules *rules,
					struct v2m_published_reading read,
					const struct v2m_published_scope *with, size_t aliases)
{
	struct v2m_published made;

	assert_int_equal(v2m_published_make(rules, read, &nothing_tracked, with, &made), 0);
	assert_int_equal(made.aliases.count, aliases);
	v2m_nat_rules_clear(rules);
	return made;
}

static inline void assert_alias(const struct v2m_published *made, size_t at, uint16_t first,
				uint16_t last)
{
	assert_int_equal(made->aliases.items[at].first_port, first);
	assert_int_equal(made->aliases.items[at].last_port, last);
}

#endif
