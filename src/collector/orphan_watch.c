// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/orphan_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "collector/health.h"
#include "collector/key_supply.h"
#include "collector/socket_netns.h"
#include "keys/orphans.h"
#include "sockets/listeners.h"

#define LOOK_INTERVAL_NS (5 * UINT64_C(1000000000))

static bool is_open(const void *context, uint16_t port, enum v2m_transport transport)
{
	return v2m_listeners_has(context, port, transport);
}

int v2m_orphan_watch_find(const struct v2m_parts *parts, struct v2m_keyset *next)
{
	struct v2m_listeners listeners;
	struct v2m_error error = { 0 };

	if (v2m_socket_netns_listeners(parts->netns, &listeners, &error)) {
		v2m_log_warning("cannot find out whether servers still listen at ports without a "
				"key, which stay counted for no key: %s",
				*error.text ? error.text : "out of memory");
		memset(&listeners, 0xff, sizeof(listeners));
	}
	return v2m_orphans_find(v2m_key_supply_active(parts->keys), is_open, &listeners, next);
}

static bool was_orphan(const struct v2m_keyset *before, const struct v2m_key *orphan)
{
	for (size_t i = 0; i < before->n_orphans; i++)
		if (strcmp(before->orphans[i].uuid, orphan->uuid) == 0)
			return true;
	return false;
}

static void describe_orphan(const struct v2m_key *orphan, struct v2m_error *sentence)
{
	const struct v2m_span *span = &orphan->spans[0];
	char ports[V2M_SPAN_TEXT_LEN];

	v2m_span_format(span->first_port, span->last_port, ports);
	v2m_error_set(sentence, 0,
		      "port %s%s has no key any more, but a server listens there: its bytes are "
		      "counted for no key. The last key was %s (%s)",
		      ports, orphan->n_spans > 1 ? " and others" : "", orphan->name, orphan->id);
}

void v2m_orphan_watch_report(const struct v2m_parts *parts, const struct v2m_keyset *before)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	struct v2m_error sentence;

	if (!keyset->n_orphans) {
		if (v2m_conditions_clear(parts->conditions, V2M_PORT_ORPHANED))
			v2m_log_info("no server listens at a port without a key any more");
		return;
	}
	for (size_t i = 0; i < keyset->n_orphans; i++) {
		describe_orphan(&keyset->orphans[i], &sentence);
		if (!was_orphan(before, &keyset->orphans[i]))
			v2m_log_warning("%s", sentence.text);
	}
	describe_orphan(&keyset->orphans[0], &sentence);
	v2m_conditions_set(parts->conditions, V2M_PORT_ORPHANED, sentence.text);
}

bool v2m_orphan_watch_has_ended(const struct v2m_parts *parts)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	struct v2m_listeners listeners;
	struct v2m_error error;

	if (!keyset->n_orphans ||
	    v2m_clock_mono_ns() - v2m_key_supply_read_ns(parts->keys) < LOOK_INTERVAL_NS ||
	    v2m_socket_netns_listeners(parts->netns, &listeners, &error))
		return false;
	return !v2m_orphans_are_open(keyset, is_open, &listeners);
}

bool v2m_orphan_watch_claims_changed(const struct v2m_parts *parts)
{
	struct v2m_claims *claims = v2m_key_supply_claims(parts->keys);
	struct v2m_listeners listeners;
	struct v2m_error error;

	if (!claims->count || !v2m_key_supply_look_is_due(parts->keys) ||
	    v2m_socket_netns_listeners(parts->netns, &listeners, &error))
		return false;
	return v2m_claims_look(claims, is_open, &listeners);
}
