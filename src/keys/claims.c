// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/format.h"

void v2m_claims_clear(struct v2m_claims *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		free(claims->items[i].source);
	v2m_array_clear(claims);
}

static int compare_claims(const void *a, const void *b)
{
	const struct v2m_claim *x = a;
	const struct v2m_claim *y = b;
	int order = strcmp(x->source, y->source);

	if (order)
		return order;
	if (x->first_port != y->first_port)
		return x->first_port < y->first_port ? -1 : 1;
	if (x->last_port != y->last_port)
		return x->last_port < y->last_port ? -1 : 1;
	return (x->said > y->said) - (x->said < y->said);
}

/* Ports behind another inbound are left out, because their bytes are counted in front. */
static bool is_claimed(const struct v2m_key *key, const struct v2m_span *span)
{
	return key->identity && key->source && !span->front_port;
}

/* The source of the made-up claim belongs to the key. */
static struct v2m_claim claim_of(const struct v2m_key *key, const struct v2m_span *span)
{
	return (struct v2m_claim){
		.source = key->source,
		.first_port = span->first_port,
		.last_port = span->last_port,
		.said = span->transports,
	};
}

static struct v2m_claim *find_claim(const struct v2m_claims *claims, const struct v2m_claim *claim)
{
	if (!claims->count)
		return NULL;
	return bsearch(claim, claims->items, claims->count, sizeof(*claim), compare_claims);
}

static int add_claim(struct v2m_claims *claims, const struct v2m_claim *claim)
{
	struct v2m_claim copy = *claim;

	copy.source = strdup(claim->source);
	if (!copy.source || v2m_array_add(claims, copy)) {
		free(copy.source);
		return -ENOMEM;
	}
	return 0;
}

/* Many keys make the same claim. */
static void drop_doubles(struct v2m_claims *claims)
{
	size_t n = 0;

	if (claims->count)
		qsort(claims->items, claims->count, sizeof(*claims->items), compare_claims);
	for (size_t i = 0; i < claims->count; i++) {
		if (n && compare_claims(&claims->items[n - 1], &claims->items[i]) == 0)
			free(claims->items[i].source);
		else
			claims->items[n++] = claims->items[i];
	}
	claims->count = n;
}

/* The users of an inbound follow each other, so most doubles are seen here. */
static bool is_last(const struct v2m_claims *claims, const struct v2m_claim *claim)
{
	return claims->count && compare_claims(&claims->items[claims->count - 1], claim) == 0;
}

static int collect_claims(const struct v2m_key_list *keys, struct v2m_claims *claims)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		for (size_t k = 0; k < key->n_spans; k++) {
			struct v2m_claim claim = claim_of(key, &key->spans[k]);

			if (is_claimed(key, &key->spans[k]) && !is_last(claims, &claim) &&
			    add_claim(claims, &claim))
				return -ENOMEM;
		}
	}
	drop_doubles(claims);
	return 0;
}

/* If the daemon starts, its counts go on, and so must what it believed: one look is enough. */
static void carry_over(const struct v2m_claims *before, struct v2m_claims *claims)
{
	for (size_t i = 0; i < claims->count; i++) {
		struct v2m_claim *claim = &claims->items[i];
		const struct v2m_claim *old = find_claim(before, claim);

		if (!before->count)
			claim->looks = V2M_CLAIM_LOOKS - 1;
		if (!old)
			continue;
		claim->heard = old->heard;
		claim->looks = old->looks;
		claim->believed = old->believed;
	}
}

static void note_belief(const struct v2m_claim *claim, struct v2m_key_notes *notes)
{
	char ports[V2M_SPAN_TEXT_LEN];

	v2m_span_format(claim->first_port, claim->last_port, ports);
	v2m_key_note_file(notes, V2M_NOTE_REMARK, claim->source,
			  "port %s is %s in the file, but %s in the sockets that listen there. The "
			  "sockets are believed",
			  ports, v2m_format_transports(claim->said),
			  v2m_format_transports(claim->believed));
}

int v2m_claims_follow(struct v2m_claims *claims, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes)
{
	struct v2m_claims made = { 0 };

	if (collect_claims(keys, &made)) {
		v2m_claims_clear(&made);
		return -ENOMEM;
	}
	carry_over(claims, &made);
	v2m_claims_clear(claims);
	*claims = made;
	for (size_t i = 0; i < keys->count; i++) {
		struct v2m_key *key = &keys->items[i];

		for (size_t k = 0; k < key->n_spans; k++) {
			struct v2m_claim wanted = claim_of(key, &key->spans[k]);
			const struct v2m_claim *claim = is_claimed(key, &key->spans[k])
								? find_claim(claims, &wanted)
								: NULL;

			if (claim && claim->believed)
				key->spans[k].transports = claim->believed;
		}
	}
	for (size_t i = 0; i < claims->count; i++)
		if (claims->items[i].believed)
			note_belief(&claims->items[i], notes);
	return 0;
}

/* The state of one look at the sockets. */
struct look {
	v2m_is_open is_open;
	const void *context;
	uint8_t said[65536 / 8][2]; /* whether a claim names TCP or UDP of a port */
};

static void mark_said(struct look *look, const struct v2m_claim *claim)
{
	for (unsigned port = claim->first_port; port <= claim->last_port; port++) {
		if (claim->said & V2M_TCP)
			look->said[port / 8][0] |= (uint8_t)(1u << port % 8);
		if (claim->said & V2M_UDP)
			look->said[port / 8][1] |= (uint8_t)(1u << port % 8);
	}
}

/* Whether some claim names one of the transports at a port of this one. */
static bool is_taken(const struct look *look, const struct v2m_claim *claim, unsigned transports)
{
	for (unsigned port = claim->first_port; port <= claim->last_port; port++)
		if (((transports & V2M_TCP) && look->said[port / 8][0] & 1u << port % 8) ||
		    ((transports & V2M_UDP) && look->said[port / 8][1] & 1u << port % 8))
			return true;
	return false;
}

/* The transports that listen at all ports of the claim. 0: none, or the ports of a range differ. */
static unsigned hear(const struct look *look, const struct v2m_claim *claim)
{
	unsigned heard = 0;

	for (unsigned port = claim->first_port; port <= claim->last_port; port++) {
		unsigned here =
			(look->is_open(look->context, (uint16_t)port, V2M_TCP) ? V2M_TCP : 0) |
			(look->is_open(look->context, (uint16_t)port, V2M_UDP) ? V2M_UDP : 0);

		if (port > claim->first_port && here != heard)
			return 0;
		heard = here;
	}
	return heard;
}

static bool is_right(const struct look *look, const struct v2m_claim *claim)
{
	unsigned heard = hear(look, claim);

	return heard && (heard & claim->said) == claim->said;
}

/* The transports that the sockets say in place of those of the file; 0: the file is right.
 * *says_nothing: nobody listens there, or it may be another program. */
static unsigned judge(const struct look *look, const struct v2m_claim *claim, bool proxy_runs,
		      bool *says_nothing)
{
	unsigned heard = hear(look, claim);
	unsigned agreed = heard & claim->said;

	*says_nothing = !heard;
	if (!heard || agreed == claim->said)
		return 0;
	if (agreed)
		return agreed;
	*says_nothing = !proxy_runs || is_taken(look, claim, heard);
	return *says_nothing ? 0 : heard;
}

/* Returns whether another transport is believed now. */
static bool follow_sockets(struct v2m_claim *claim, unsigned heard)
{
	unsigned before = claim->believed;

	claim->looks = heard == claim->heard || !claim->heard ? claim->looks + 1 : 1;
	claim->heard = heard;
	if (!heard) {
		claim->looks = 0;
		claim->believed = 0;
	} else if (claim->looks >= V2M_CLAIM_LOOKS) {
		claim->believed = heard;
	}
	return claim->believed != before;
}

/* Looks at the claims of one file, which follow each other. Returns how many they are. */
static size_t look_at_file(const struct look *look, struct v2m_claim *claims, size_t n,
			   bool *changed)
{
	bool proxy_runs = false;
	size_t count = 0;

	for (; count < n && strcmp(claims[count].source, claims[0].source) == 0; count++)
		proxy_runs = proxy_runs || is_right(look, &claims[count]);
	for (size_t i = 0; i < count; i++) {
		bool says_nothing;
		unsigned heard = judge(look, &claims[i], proxy_runs, &says_nothing);

		if (says_nothing)
			claims[i].looks = 0;
		else if (follow_sockets(&claims[i], heard))
			*changed = true;
	}
	return count;
}

bool v2m_claims_look(struct v2m_claims *claims, v2m_is_open is_open, const void *context)
{
	struct look look = { .is_open = is_open, .context = context };
	bool changed = false;

	for (size_t i = 0; i < claims->count; i++)
		mark_said(&look, &claims->items[i]);
	for (size_t i = 0; i < claims->count;)
		i += look_at_file(&look, &claims->items[i], claims->count - i, &changed);
	return changed;
}
