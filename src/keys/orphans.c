// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/orphans.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "keys/key_list.h"

static const enum v2m_transport transports[] = { V2M_TCP, V2M_UDP };

/* The state of a search. */
struct search {
	const struct v2m_keyset *next;
	v2m_is_open is_open;
	const void *context;
	struct v2m_key_list orphans;
};

static bool is_orphaned(const struct search *search, uint16_t port, enum v2m_transport transport)
{
	const struct v2m_slot *slot = v2m_slots_at(&search->next->slots, port, transport);

	return (!slot || !slot->n_keys) && search->is_open(search->context, port, transport);
}

/* Adds a span for each run of orphaned ports within a span. 0 or -ENOMEM. */
static int add_orphaned_spans(const struct search *search, const struct v2m_span *span,
			      enum v2m_transport transport, struct v2m_key *orphan)
{
	unsigned port = span->first_port;

	while (port <= span->last_port) {
		struct v2m_span run = { .transports = transport, .loopback = span->loopback };
		unsigned first = port;

		while (port <= span->last_port && is_orphaned(search, (uint16_t)port, transport))
			port++;
		if (port == first) {
			port++;
			continue;
		}
		run.first_port = (uint16_t)first;
		run.last_port = (uint16_t)(port - 1);
		if (v2m_key_add_span(orphan, &run) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* Copies the names by which people find the former key. 0 or -ENOMEM. */
static int copy_names(const struct v2m_key *key, struct v2m_key *orphan)
{
	orphan->id = strdup(key->id);
	orphan->uuid = strdup(key->uuid);
	orphan->name = strdup(key->name);
	orphan->created_at = strdup(key->created_at ? key->created_at : "");
	orphan->source = strdup(key->source ? key->source : "");
	return orphan->id && orphan->uuid && orphan->name && orphan->created_at && orphan->source
		       ? 0
		       : -ENOMEM;
}

/* Adds the orphaned ports of a key. Ports behind another one are left out, because their bytes are
 * counted in front. 0 or -ENOMEM. */
static int add_orphan(struct search *search, const struct v2m_key *key)
{
	V2M_CLEANUP(v2m_key_clear) struct v2m_key orphan = { 0 };

	for (size_t i = 0; i < key->n_spans; i++)
		for (size_t t = 0; t < V2M_ARRAY_LEN(transports); t++)
			if ((key->spans[i].transports & transports[t]) &&
			    !key->spans[i].front_port &&
			    add_orphaned_spans(search, &key->spans[i], transports[t], &orphan))
				return -ENOMEM;
	if (!orphan.n_spans)
		return 0;
	return copy_names(key, &orphan) || v2m_key_list_add(&search->orphans, &orphan) ? -ENOMEM
										       : 0;
}

int v2m_orphans_find(const struct v2m_keyset *before, v2m_is_open is_open, const void *context,
		     struct v2m_keyset *next)
{
	struct search search = { .next = next, .is_open = is_open, .context = context };
	int result = 0;

	for (size_t i = 0; i < before->n_keys && !result; i++)
		result = add_orphan(&search, &before->keys[i]);
	for (size_t i = 0; i < before->n_orphans && !result; i++)
		result = add_orphan(&search, &before->orphans[i]);
	if (!result)
		result = v2m_key_list_seal_orphans(&search.orphans, next);
	v2m_key_list_clear(&search.orphans);
	return result;
}

/* Whether all ports of the span are open. */
static bool is_span_open(const struct v2m_span *span, v2m_is_open is_open, const void *context)
{
	for (size_t t = 0; t < V2M_ARRAY_LEN(transports); t++)
		for (unsigned port = span->first_port;
		     (span->transports & transports[t]) && port <= span->last_port; port++)
			if (!is_open(context, (uint16_t)port, transports[t]))
				return false;
	return true;
}

bool v2m_orphans_are_open(const struct v2m_keyset *keyset, v2m_is_open is_open, const void *context)
{
	for (size_t i = 0; i < keyset->n_orphans; i++)
		for (size_t k = 0; k < keyset->orphans[i].n_spans; k++)
			if (!is_span_open(&keyset->orphans[i].spans[k], is_open, context))
				return false;
	return true;
}
