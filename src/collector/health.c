// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/macros.h"
#include "v2meter/bpf_abi.h"

struct row {
	const char *word;     /* stable: consumers compare it */
	const char *sentence; /* if nothing more is known */
	bool stops_serving;   /* answers about traffic are refused */
};

/* clang-format off */
static const struct row table[V2M_N_CONDITIONS] = {
	[V2M_STALLED] = { "stalled",
		"the process that counts hangs", true },
	[V2M_COUNTERS_UNREADABLE] = { "counters_unreadable",
		"the counters cannot be read", true },
	[V2M_DELIVERED_UNAVAILABLE] = { "delivered_unavailable",
		"\"api_bytes\" asks for delivered bytes, which cannot be measured without the kernel programs", true },
	[V2M_LEDGER_UNWRITABLE] = { "ledger_unwritable",
		"the ledger cannot be written", false },
	[V2M_LEDGER_DAMAGED] = { "ledger_damaged",
		"the ledger was damaged, and some totals or days in it are lost", false },
	[V2M_LEDGER_LOST] = { "ledger_lost",
		"the ledger does not know what the counters held: those bytes belong to nobody", false },
	[V2M_KEY_SOURCE_BROKEN] = { "key_source_broken",
		"a key source cannot be read", false },
	[V2M_EBPF_UNAVAILABLE] = { "ebpf_unavailable",
		"the kernel programs cannot be used", false },
	[V2M_NO_DEVICE] = { "no_device",
		"no network device matches \"interfaces\" of the configuration", false },
	[V2M_NETNS_UNAVAILABLE] = { "netns_unavailable",
		"the network namespace of \"netns\" does not exist", false },
	[V2M_DEVICE_REFUSED] = { "device_refused",
		"a device does not take the kernel programs", false },
	[V2M_OUTRUN] = { "outrun",
		"the traffic of a device does not reach the kernel programs, and is not counted", false },
	[V2M_PROGRAMS_REMOVED] = { "programs_removed",
		"somebody had removed the kernel programs from a device for a while", false },
	[V2M_TRAFFIC_UNCOUNTED] = { "traffic_uncounted",
		"connections deliver bytes that are not counted", false },
	[V2M_PATH_UNCOUNTED] = { "path_uncounted",
		"this host itself sends to ports that are not counted on lo", false },
	[V2M_ALIASES_UNKNOWN] = { "aliases_unknown",
		"NAT rules may send other ports on to ports of keys, and what passes them is not counted", false },
	[V2M_HEADERS_TOO_DEEP] = { "headers_too_deep",
		"packets with too many headers pass, and are not counted for keys", false },
	[V2M_TOO_MANY_PORTS] = { "too_many_ports",
		"more than " V2M_STRINGIFY(V2M_MAX_SLOTS) " ports or ranges have keys: the others are not counted", false },
	[V2M_KEYS_INCOMPLETE] = { "keys_incomplete",
		"the key sources have users that are not counted", false },
	[V2M_ACCESS_LOG_UNREAD] = { "access_log_unread",
		"an access log cannot be read: new connections on shared ports are of no key", false },
	[V2M_PORT_ORPHANED] = { "port_orphaned",
		"a server listens at a port that has no key any more", false },
	[V2M_TRAFFIC_UNDELIVERED] = { "traffic_undelivered",
		"bytes are counted that no connection takes", false },
	[V2M_DRIFT] = { "drift",
		"a proxy counts other bytes for a key than the meter does", false },
	[V2M_QUEUE_DROPS] = { "queue_drops",
		"the queue of a device drops more than 1 % of the bytes that are counted as sent", false },
	[V2M_FRAGMENTS_INEXACT] = { "fragments_inexact",
		"fragments that arrive may count for the wrong port", false },
};
/* clang-format on */

struct v2m_conditions {
	struct v2m_pulse *pulse;
	bool set[V2M_N_CONDITIONS];
	struct v2m_error sentences[V2M_N_CONDITIONS];
};

struct v2m_conditions *v2m_conditions_new(struct v2m_pulse *pulse)
{
	struct v2m_conditions *conditions = calloc(1, sizeof(*conditions));

	if (conditions)
		conditions->pulse = pulse;
	return conditions;
}

void v2m_conditions_free(struct v2m_conditions *conditions)
{
	free(conditions);
}

static void tell_pulse(struct v2m_conditions *conditions)
{
	struct v2m_health health;

	v2m_conditions_tell(conditions, &health, NULL);
	v2m_pulse_set_health(conditions->pulse, &health);
}

bool v2m_conditions_set(struct v2m_conditions *conditions, enum v2m_condition condition,
			const char *sentence)
{
	bool before = conditions->set[condition];

	conditions->set[condition] = true;
	v2m_error_set(&conditions->sentences[condition], 0, "%s",
		      sentence && *sentence ? sentence : table[condition].sentence);
	if (before)
		return false;
	v2m_log_reason(V2M_LOG_INFO, table[condition].word, "health: %s begins",
		       table[condition].word);
	tell_pulse(conditions);
	return true;
}

bool v2m_conditions_clear(struct v2m_conditions *conditions, enum v2m_condition condition)
{
	bool before = conditions->set[condition];

	conditions->set[condition] = false;
	if (!before)
		return false;
	v2m_log_reason(V2M_LOG_INFO, table[condition].word, "health: %s is over",
		       table[condition].word);
	tell_pulse(conditions);
	return true;
}

bool v2m_conditions_has(struct v2m_conditions *conditions, enum v2m_condition condition)
{
	return conditions->set[condition];
}

void v2m_conditions_tell(struct v2m_conditions *conditions, struct v2m_health *health,
			 struct v2m_error *sentence)
{
	*health = (struct v2m_health){ .can_serve = true };
	if (sentence)
		sentence->text[0] = 0;
	for (size_t i = V2M_N_CONDITIONS; i-- > 0;) {
		if (!conditions->set[i])
			continue;
		snprintf(health->reason, sizeof(health->reason), "%s", table[i].word);
		health->can_serve = health->can_serve && !table[i].stops_serving;
		if (sentence)
			*sentence = conditions->sentences[i];
	}
}

size_t v2m_conditions_list(struct v2m_conditions *conditions,
			   struct v2m_status_reason reasons[static V2M_N_CONDITIONS])
{
	size_t count = 0;

	for (size_t i = 0; i < V2M_N_CONDITIONS; i++) {
		if (!conditions->set[i])
			continue;
		snprintf(reasons[count].word, sizeof(reasons[count].word), "%s", table[i].word);
		reasons[count++].sentence = conditions->sentences[i];
	}
	return count;
}
