// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/attributor.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "attribution/owner_list.h"
#include "attribution/strangers.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/table.h"
#include "base/transport.h"

/* Rounds in which a line looks for its flow. The packets of a connection come before its line, so
 * one more round than one is for a flow that was just completed. */
#define ROUNDS 2
/* Lines that may wait. A proxy that logs more in a round is read in several. */
#define LINES_MAX 65536
/* A flow stays for longer than this after its end. */
#define FRESH_US INT64_C(60000000)
#define SLACK_US INT64_C(3000000)
/* Sessions that may wait until the next sample takes them. */
#define SESSIONS_MAX (1u << 20)

/* A line that looks for its flow. It holds a copy of its texts. */
struct waiting {
	struct v2m_access_record record;
	char *text;
	unsigned rounds;
};

struct v2m_attributor {
	struct v2m_owner_list owners;
	V2M_ARRAY(struct waiting) lines;
	V2M_ARRAY(struct v2m_label) labels;
	V2M_ARRAY(uint32_t) sessions; /* see v2m_attributor_take_sessions() */
	struct v2m_attributor_counts counts;
	int64_t again_us; /* see v2m_attributor_note_again() */
	uint64_t rush_ns; /* see v2m_attributor_note_rush() */
	bool lags;        /* see v2m_attributor_note_lag() */
	struct v2m_strangers strangers;
	size_t n_unknown; /* see v2m_attributor_unknown() */
	unsigned gaps;
	struct v2m_named_slots named;
	bool has_named; /* since v2m_attributor_take_named() */
};

struct v2m_attributor *v2m_attributor_new(void)
{
	return calloc(1, sizeof(struct v2m_attributor));
}

static void clear_lines(struct v2m_attributor *attributor)
{
	for (size_t i = 0; i < attributor->lines.count; i++)
		free(attributor->lines.items[i].text);
	v2m_array_clear(&attributor->lines);
}

void v2m_attributor_free(struct v2m_attributor *attributor)
{
	if (!attributor)
		return;
	clear_lines(attributor);
	v2m_array_clear(&attributor->labels);
	v2m_array_clear(&attributor->sessions);
	v2m_owner_list_clear(&attributor->owners);
	v2m_strangers_clear(&attributor->strangers);
	free(attributor);
}

int v2m_attributor_set_keys(struct v2m_attributor *attributor, struct v2m_keyset *keyset)
{
	struct v2m_owner_list made = { 0 };
	int result = v2m_owner_list_make(&made, keyset);

	if (result)
		return result;
	v2m_owner_list_clear(&attributor->owners);
	v2m_strangers_clear(&attributor->strangers);
	attributor->owners = made;
	return 0;
}

const struct v2m_owner_rule *v2m_attributor_rules(const struct v2m_attributor *attributor,
						  size_t *count, uint32_t **owners)
{
	*count = attributor->owners.rules.count;
	*owners = attributor->owners.owners;
	return attributor->owners.rules.items;
}

uint32_t v2m_attributor_owner(const struct v2m_attributor *attributor, const struct v2m_slot *slot,
			      const struct v2m_key *key, uint8_t protocol)
{
	return v2m_owner_list_owner(&attributor->owners, slot, key, protocol);
}

/* --- lines --- */

/* Appends a part of a line to the copy of its texts. */
static void copy_text(struct v2m_access_text *part, char **end)
{
	if (part->length)
		memcpy(*end, part->start, part->length);
	part->start = *end;
	*end += part->length;
}

void v2m_attributor_note_again(struct v2m_attributor *attributor, int64_t real_us)
{
	attributor->again_us = real_us;
}

void v2m_attributor_note_rush(struct v2m_attributor *attributor, uint64_t mono_ns)
{
	attributor->rush_ns = mono_ns;
}

void v2m_attributor_note_lag(struct v2m_attributor *attributor, bool lags)
{
	attributor->lags = lags;
}

void v2m_attributor_take_line(struct v2m_attributor *attributor,
			      const struct v2m_access_record *record)
{
	struct waiting waiting = { .record = *record };
	char *end;

	if (!attributor->owners.rules.count)
		return;
	attributor->counts.lines++;
	waiting.text = malloc(record->tags.length + record->email.length + 1);
	if (!waiting.text || attributor->lines.count >= LINES_MAX) {
		free(waiting.text);
		v2m_attributor_note_gap(attributor, V2M_GAP_FULL);
		return;
	}
	end = waiting.text;
	copy_text(&waiting.record.tags, &end);
	copy_text(&waiting.record.email, &end);
	if (!v2m_array_add(&attributor->lines, waiting))
		return;
	free(waiting.text);
	v2m_attributor_note_gap(attributor, V2M_GAP_FULL);
}

size_t v2m_attributor_unknown(const struct v2m_attributor *attributor)
{
	return attributor->n_unknown;
}

bool v2m_attributor_waits(const struct v2m_attributor *attributor)
{
	return attributor->lines.count > 0;
}

/* --- comparing --- */

/* The client's side of a flow, by which a line finds it. */
struct client {
	uint8_t address[16];
	uint16_t port;
};

/* The flows of one client, which are linked: 1 + index of the first one. */
struct flows_of {
	struct client client;
	uint32_t first;
};

static struct v2m_table_key key_of_flows(const void *element)
{
	const struct flows_of *flows = element;

	return (struct v2m_table_key){ &flows->client, sizeof(flows->client) };
}

static const struct v2m_table_type clients = { sizeof(struct flows_of), key_of_flows };

struct flow_plan {
	uint32_t next; /* 1 + index of another flow of the same client */
	uint32_t old;  /* 1 + index of the label by a line that is older than the flow; 0: none */
};

/* A round of comparing. */
struct round {
	struct v2m_attributor *attributor;
	const struct v2m_flow_entry *flows;
	const struct v2m_moment *now;
	struct flow_plan *plans; /* of each flow */
	bool *named;             /* of each flow: a line names its owner */
	struct v2m_table by_client;
};

static int index_flows(struct round *round, size_t n_flows)
{
	int result = v2m_table_reserve(&round->by_client, n_flows);

	for (size_t i = 0; i < n_flows && !result; i++) {
		struct flows_of made = { .first = (uint32_t)i + 1 };
		struct flows_of *known;

		memcpy(made.client.address, round->flows[i].key.remote,
		       sizeof(made.client.address));
		made.client.port = round->flows[i].key.remote_port;
		known = v2m_table_find(&round->by_client, &made.client, sizeof(made.client));
		if (!known) {
			result = v2m_table_add(&round->by_client, &made);
			continue;
		}
		round->plans[i].next = known->first;
		known->first = (uint32_t)i + 1;
	}
	return result;
}

static bool may_be_of(const struct v2m_access_record *record, uint8_t protocol)
{
	return record->transport == V2M_ACCESS_UNSAID ||
	       (record->transport == V2M_ACCESS_TCP) == (protocol == IPPROTO_TCP);
}

/* Whether the line was written before the flow began. The clock of some proxies has seconds, and a
 * machine may stand still for a moment. */
static bool is_older(const struct round *round, const struct waiting *waiting,
		     const struct v2m_flow_entry *flow)
{
	int64_t age_us = (int64_t)((round->now->mono_ns - flow->state.began_ns) / 1000);

	return flow->state.began_ns && waiting->record.real_us != V2M_NO_LINE_TIME &&
	       waiting->record.real_us + SLACK_US < round->now->real_us - age_us;
}

/* Plans a label. Lines that are older than the flow of a connection are of this connection and of
 * earlier ones with the same addresses: the last one is right. 0 or -ENOMEM. */
static int plan_label(struct round *round, size_t flow, const struct v2m_label *label, bool is_old)
{
	struct v2m_attributor *attributor = round->attributor;
	struct flow_plan *plan = &round->plans[flow];
	int result;

	round->named[flow] = true;
	if (is_old && plan->old) {
		attributor->labels.items[plan->old - 1].owner = label->owner;
		return 0;
	}
	if (!is_old && label->owner == round->flows[flow].state.owner)
		return 0;
	result = v2m_array_add(&attributor->labels, *label);
	if (!result && is_old)
		plan->old = (uint32_t)attributor->labels.count;
	return result;
}

/* Drops the labels by older lines that a flow has already. */
static void drop_known_labels(struct round *round, size_t n_flows)
{
	struct v2m_attributor *attributor = round->attributor;
	size_t kept = 0;

	for (size_t i = 0; i < n_flows; i++) {
		uint32_t old = round->plans[i].old;
		struct v2m_label *label = old ? &attributor->labels.items[old - 1] : NULL;

		if (label && label->owner == round->flows[i].state.owner)
			label->owner = V2M_NO_OWNER;
	}
	for (size_t i = 0; i < attributor->labels.count; i++)
		if (attributor->labels.items[i].owner != V2M_NO_OWNER)
			attributor->labels.items[kept++] = attributor->labels.items[i];
	attributor->labels.count = kept;
}

void v2m_attributor_note_named(struct v2m_attributor *attributor, uint16_t port, uint8_t protocol)
{
	const struct v2m_slot *slot = v2m_slots_at(&attributor->owners.keyset->slots, port,
						   protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP);

	if (slot && v2m_named_slots_set(&attributor->named, slot->first_port,
					!(slot->transports & V2M_TCP)))
		attributor->has_named = true;
}

/* False for a published port: its slot is that of another port, and owners are not known by it. */
static bool has_slot(const struct v2m_attributor *attributor, const struct v2m_flow_entry *flow)
{
	return v2m_slots_at(&attributor->owners.keyset->slots, flow->key.port,
			    flow->key.protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP);
}

/* Plans a label for each flow of the line's client whose port has a key of that name. Returns
 * whether there was a flow, or -ENOMEM. An address without a port is none of a connection: a
 * customer may write one into X-Forwarded-For, and send a packet from port 0 to make a flow of it.
 */
static int plan_line(struct round *round, const struct waiting *waiting)
{
	const struct v2m_access_record *record = &waiting->record;
	struct v2m_attributor *attributor = round->attributor;
	struct client client = { .port = record->port };
	const struct flows_of *flows;
	bool found = false;

	if (!record->port)
		return false;
	memcpy(client.address, record->address, sizeof(client.address));
	flows = v2m_table_find(&round->by_client, &client, sizeof(client));
	for (uint32_t i = flows ? flows->first : 0; i; i = round->plans[i - 1].next) {
		const struct v2m_flow_entry *flow = &round->flows[i - 1];
		struct v2m_label label = { .flow = flow->key, .began_ns = flow->state.began_ns };
		bool is_ambiguous;
		bool is_old;

		if (!may_be_of(record, flow->key.protocol))
			continue;
		found = true;
		is_old = is_older(round, waiting, flow);
		if (is_old && !v2m_flow_lacks_beginning(flow))
			continue;
		label.owner = v2m_owner_list_find(&attributor->owners, flow->key.port,
						  flow->key.protocol, record, &is_ambiguous);
		if (is_ambiguous)
			v2m_attributor_note_gap(attributor, V2M_GAP_DISPUTED);
		if (label.owner == V2M_NO_OWNER) {
			attributor->counts.without_key++;
			if (!has_slot(attributor, flow))
				v2m_attributor_note_gap(attributor, V2M_GAP_HIDDEN);
			else if (record->email.length && !is_ambiguous)
				v2m_strangers_note(&attributor->strangers, flow);
			continue;
		}
		v2m_attributor_note_named(attributor, flow->key.port, flow->key.protocol);
		if (plan_label(round, i - 1, &label, is_old))
			return -ENOMEM;
	}
	return found;
}

/* A new line names a user whose connection must have a flow, and an address that has none: a proxy
 * in front has told the address of its own client. Flows of old lines have ended. */
static void note_hidden(const struct round *round, const struct waiting *waiting)
{
	struct v2m_attributor *attributor = round->attributor;

	attributor->counts.without_flow++;
	if (waiting->record.real_us != V2M_NO_LINE_TIME &&
	    waiting->record.real_us + FRESH_US > round->now->real_us &&
	    waiting->record.real_us > attributor->again_us && !v2m_is_from_here(&waiting->record) &&
	    v2m_owner_list_expects_flow(&attributor->owners, &waiting->record.email))
		v2m_attributor_note_gap(attributor, V2M_GAP_HIDDEN);
}

static int plan_lines(struct round *round)
{
	struct v2m_attributor *attributor = round->attributor;
	size_t kept = 0;

	for (size_t i = 0; i < attributor->lines.count; i++) {
		struct waiting *waiting = &attributor->lines.items[i];
		int found = plan_line(round, waiting);

		if (found < 0)
			return found;
		if (!found && ++waiting->rounds < ROUNDS) {
			struct waiting moved = *waiting;

			waiting->text = NULL;
			attributor->lines.items[kept++] = moved;
			continue;
		}
		if (!found)
			note_hidden(round, waiting);
		free(V2M_TAKE(waiting->text));
	}
	attributor->lines.count = kept;
	return 0;
}

static size_t count_unknown(const struct round *round, size_t n_flows)
{
	size_t count = 0;

	for (size_t i = 0; i < n_flows; i++)
		count += v2m_flow_lacks_beginning(&round->flows[i]) && !round->named[i] &&
			 round->flows[i].state.owner == V2M_NO_OWNER &&
			 round->flows[i].state.tx.payload_bytes &&
			 !v2m_strangers_have(&round->attributor->strangers, &round->flows[i]);
	return count;
}

static void note_nameless(const struct round *round, size_t n_flows)
{
	struct v2m_attributor *attributor = round->attributor;
	const struct v2m_flow_names names = { &attributor->strangers,
					      &attributor->owners.keyset->slots, &attributor->named,
					      round->named, attributor->rush_ns };

	attributor->gaps |= v2m_nameless_gaps(&names, round->flows, n_flows, round->now->mono_ns);
}

int v2m_attributor_plan(struct v2m_attributor *attributor, const struct v2m_flow_entry *flows,
			size_t n_flows, const struct v2m_moment *now, struct v2m_label **labels)
{
	V2M_FREE struct flow_plan *plans = calloc(n_flows + 1, sizeof(*plans));
	V2M_FREE bool *named = calloc(n_flows + 1, sizeof(*named));
	struct round round = {
		.attributor = attributor,
		.flows = flows,
		.now = now,
		.plans = plans,
		.named = named,
		.by_client = { .type = &clients },
	};
	int result = plans && named ? index_flows(&round, n_flows) : -ENOMEM;

	attributor->labels.count = 0;
	if (!result)
		result = plan_lines(&round);
	v2m_table_clear(&round.by_client);
	if (result) {
		/* Some lines may be planned and some not: all are lost. */
		clear_lines(attributor);
		v2m_attributor_note_gap(attributor, V2M_GAP_FULL);
		return result;
	}
	drop_known_labels(&round, n_flows);
	attributor->n_unknown = count_unknown(&round, n_flows);
	if (!attributor->lags)
		note_nameless(&round, n_flows);
	*labels = attributor->labels.items;
	return (int)attributor->labels.count;
}

/* If memory is short, the session is in no history. */
static void note_session(struct v2m_attributor *attributor, const struct v2m_label *label)
{
	attributor->counts.labelled++;
	if (label->flow.protocol == IPPROTO_TCP && attributor->sessions.count < SESSIONS_MAX &&
	    v2m_array_add(&attributor->sessions, label->owner))
		return;
}

uint32_t *v2m_attributor_take_sessions(struct v2m_attributor *attributor, size_t *count)
{
	*count = attributor->sessions.count;
	attributor->sessions.count = 0;
	attributor->sessions.capacity = 0;
	return V2M_TAKE(attributor->sessions.items);
}

void v2m_attributor_note_results(struct v2m_attributor *attributor, const struct v2m_label *labels,
				 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (labels[i].result == V2M_LABEL_DONE)
			note_session(attributor, &labels[i]);
		else if (labels[i].result == V2M_LABEL_DISPUTED)
			v2m_attributor_note_gap(attributor, V2M_GAP_DISPUTED);
		else if (labels[i].result == V2M_LABEL_FULL)
			v2m_attributor_note_gap(attributor, V2M_GAP_FULL);
	}
}

bool v2m_attributor_take_named(struct v2m_attributor *attributor, struct v2m_named_slots *named)
{
	bool is_new = false;

	if (!attributor->has_named)
		return false;
	attributor->has_named = false;
	for (unsigned udp = 0; udp < 2; udp++)
		for (size_t i = 0; i < sizeof(named->bits[udp]); i++) {
			is_new |= attributor->named.bits[udp][i] & ~named->bits[udp][i];
			named->bits[udp][i] |= attributor->named.bits[udp][i];
		}
	return is_new;
}

void v2m_attributor_note_gap(struct v2m_attributor *attributor, enum v2m_attribution_gap gap)
{
	attributor->gaps |= 1u << gap;
}

unsigned v2m_attributor_take_gaps(struct v2m_attributor *attributor)
{
	unsigned gaps = attributor->gaps;

	attributor->gaps = 0;
	return gaps;
}

struct v2m_attributor_counts v2m_attributor_counts(const struct v2m_attributor *attributor)
{
	return attributor->counts;
}
