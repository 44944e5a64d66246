// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/counting.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/device_watch.h"
#include "collector/key_supply.h"
#include "collector/publisher.h"
#include "collector/sampling.h"
#include "datapath/flows.h"
#include "datapath/ledger_mark.h"
#include "datapath/previous.h"
#include "ledger/ledger.h"

/* Shared ports are counted all the same if this fails. The cast only counts references. */
static void set_owners(struct v2m_parts *parts, const struct v2m_keyset *keyset)
{
	struct v2m_error error = { 0 };

	if (v2m_attribution_set_keys(parts->attribution,
				     v2m_byte_source_programs(parts->byte_source),
				     (struct v2m_keyset *)keyset, &error))
		v2m_log_error("users on shared ports are not attributed: %s", error.text);
}

static int set_slots(struct v2m_parts *parts, const struct v2m_keyset *keyset,
		     struct v2m_error *error)
{
	int refused = v2m_byte_source_set_slots(parts->byte_source, keyset, error);
	int result;

	if (refused != -EBUSY)
		return refused;
	/* The last bytes of ports that leave are accounted before others get their slots. */
	result = v2m_byte_source_is_exact(parts->byte_source) ? v2m_sampling_take(parts)
							      : v2m_sampling_take_programs(parts);
	if (result)
		return v2m_error_set(error, result,
				     "the last bytes of removed ports cannot be read: %s",
				     strerror(-result));
	return v2m_byte_source_set_slots(parts->byte_source, keyset, error);
}

int v2m_counting_set_ports(struct v2m_parts *parts, const struct v2m_keyset *keyset,
			   struct v2m_error *error)
{
	int refused = set_slots(parts, keyset, error);

	/* Before Linux 5.15, a busy socket that began here is seen by one of the next looks. */
	parts->looks.needed_ns = v2m_clock_mono_ns();
	if (refused >= 0)
		set_owners(parts, keyset);
	return refused;
}

/* Flows stay in the kernel for longer than this, also those that have ended (flow_sweep.h). */
#define FRESH_US INT64_C(100000000)

/* Whether all shared ports have been counted for a short time only. */
static bool is_fresh(const struct v2m_parts *parts)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	const struct v2m_account *account = v2m_bookkeeper_account(parts->bookkeeper);
	int64_t now_us = v2m_clock_real_us();

	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		const struct v2m_subject *subject;
		char id[V2M_SUBJECT_LEN];

		if (slot->n_keys < 2)
			continue;
		v2m_keyset_subject(keyset, slot, id, sizeof(id));
		subject = v2m_account_subject(account, id);
		if (subject && now_us - subject->first_seen_us > FRESH_US)
			return false;
	}
	return true;
}

void v2m_counting_follow_logs(struct v2m_parts *parts)
{
	const struct v2m_source_report *report = v2m_key_supply_report(parts->keys);

	if (v2m_attribution_learn(parts->attribution, &report->access_logs, is_fresh(parts)))
		set_owners(parts, v2m_key_supply_active(parts->keys));
}

static void follow_online(struct v2m_parts *parts)
{
	struct v2m_source_feed *feed = v2m_key_supply_feed(parts->keys);
	V2M_CLEANUP(v2m_online_list_clear) struct v2m_online_list list = { 0 };

	if (v2m_attribution_wants_online(parts->attribution))
		parts->looks.needed_ns = v2m_clock_mono_ns();
	v2m_source_feed_want_online(feed, v2m_attribution_wants_online(parts->attribution));
	if (v2m_source_feed_online(feed, &list) > 0 &&
	    v2m_attribution_take_online(parts->attribution, &list, is_fresh(parts)))
		set_owners(parts, v2m_key_supply_active(parts->keys));
}

/* The process that follows logs, and the followed logs themselves, have logged it. */
static void judge_logs(const struct v2m_parts *parts)
{
	struct v2m_error sentence;

	v2m_attribution_judge(parts->attribution, &sentence);
	if (*sentence.text)
		v2m_conditions_set(parts->conditions, V2M_ACCESS_LOG_UNREAD, sentence.text);
	else
		v2m_conditions_clear(parts->conditions, V2M_ACCESS_LOG_UNREAD);
}

void v2m_counting_follow_users(struct v2m_parts *parts)
{
	follow_online(parts);
	v2m_attribution_follow(parts->attribution, v2m_byte_source_programs(parts->byte_source),
			       v2m_connections_table(parts->connections));
	judge_logs(parts);
}

static void set_active_ports(struct v2m_parts *parts)
{
	struct v2m_error error = { 0 };

	if (v2m_counting_set_ports(parts, v2m_key_supply_active(parts->keys), &error) < 0)
		v2m_log_error("%s", error.text);
}

void v2m_counting_update_devices(struct v2m_parts *parts)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);

	v2m_device_watch_update(parts->devices, v2m_byte_source_programs(parts->byte_source),
				parts->netns, v2m_keyset_wants_loopback(keyset));
}

/* Answers in bytes that do not grow would be taken for a customer without traffic. */
static void judge_delivered(const struct v2m_parts *parts)
{
	if (parts->config->api_bytes != V2M_API_BYTES_DELIVERED)
		return;
	if (v2m_connections_measure_delivered(parts->connections))
		v2m_conditions_clear(parts->conditions, V2M_DELIVERED_UNAVAILABLE);
	else
		v2m_conditions_set(parts->conditions, V2M_DELIVERED_UNAVAILABLE, NULL);
}

/* Without a device that takes the programs they count nothing. */
static void check_devices(struct v2m_parts *parts)
{
	if (!v2m_byte_source_is_exact(parts->byte_source) ||
	    !v2m_device_watch_all_refused(parts->devices))
		return;
	v2m_connections_count_sessions(parts->connections, NULL);
	judge_delivered(parts);
	v2m_byte_source_fall_back(parts->byte_source, v2m_device_watch_failure(parts->devices));
	v2m_publisher_withdraw(parts->publisher);
	set_active_ports(parts);
}

/* Counts of an earlier version that are not on disk yet stay in its maps, for the next start. */
static int store_previous(void *context, struct v2m_sample *sample, struct v2m_error *error)
{
	struct v2m_parts *parts = context;
	struct v2m_ledger_mark mark;
	bool knows = true;
	int result = v2m_datapath_read_previous_mark(v2m_byte_source_programs(parts->byte_source),
						     &mark);

	if (result == 0)
		result = v2m_bookkeeper_knows(parts->bookkeeper, &mark, &knows, error);
	if (result)
		v2m_sample_clear(sample);
	else if (knows)
		result = v2m_bookkeeper_add_other(parts->bookkeeper,
						  v2m_key_supply_active(parts->keys), sample);
	else
		result = v2m_bookkeeper_set_aside(parts->bookkeeper, sample);
	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	v2m_attribution_note_new_counts(parts->attribution);
	if (v2m_bookkeeper_flush(parts->bookkeeper))
		return v2m_error_set(error, -EIO, "the ledger cannot be written");
	return 0;
}

void v2m_counting_renew(struct v2m_parts *parts)
{
	v2m_counting_update_devices(parts);
	check_devices(parts);
	v2m_byte_source_take_over_previous(parts->byte_source, store_previous, parts);
	v2m_sampling_take(parts);
}

void v2m_counting_follow_rules(struct v2m_parts *parts)
{
	if (v2m_byte_source_rules_are_due(parts->byte_source))
		set_active_ports(parts);
}

void v2m_counting_follow_netns(struct v2m_parts *parts)
{
	if (!v2m_connections_follow_netns(parts->connections))
		return;
	if (v2m_byte_source_is_exact(parts->byte_source)) {
		v2m_connections_set_slots(parts->connections, v2m_key_supply_active(parts->keys),
					  v2m_byte_source_programs(parts->byte_source));
		v2m_counting_update_devices(parts);
		return;
	}
	/* The counters of the old sockets are gone after this. */
	if (v2m_byte_source_counts(parts->byte_source))
		v2m_sampling_take(parts);
	v2m_byte_source_reopen_stats(parts->byte_source);
	set_active_ports(parts);
}

/* If the mark cannot be written, the next start takes the ledger for an older one. */
static void note_stored(const struct v2m_ledger_mark *mark, void *context)
{
	const struct v2m_parts *parts = context;
	struct v2m_datapath *programs = v2m_byte_source_programs(parts->byte_source);
	int result = programs ? v2m_datapath_write_mark(programs, mark) : 0;

	if (result)
		v2m_log_error("what the ledger has stored cannot be noted in the kernel: %s",
			      strerror(-result));
}

static int set_aside(struct v2m_parts *parts, struct v2m_error *error)
{
	struct v2m_sample sample = { 0 };
	int result = v2m_byte_source_read_programs(parts->byte_source, &sample, error);

	if (result == 0)
		result = v2m_bookkeeper_set_aside(parts->bookkeeper, &sample);
	if (result)
		return result;
	/* No later label gives a key what was set aside. */
	v2m_attribution_note_new_counts(parts->attribution);
	return v2m_flows_leave(v2m_byte_source_programs(parts->byte_source), error);
}

int v2m_counting_check_ledger(struct v2m_parts *parts, struct v2m_error *error)
{
	const struct v2m_datapath *programs = v2m_byte_source_programs(parts->byte_source);
	struct v2m_ledger_mark mark = { 0 };
	bool knows = true;
	int result = 0;

	if (!programs)
		return 0;
	result = v2m_datapath_read_mark(programs, &mark);
	if (result)
		return v2m_error_set(error, result, "the counters cannot be read: %s",
				     strerror(-result));
	result = v2m_bookkeeper_knows(parts->bookkeeper, &mark, &knows, error);
	if (result == 0 && !knows)
		result = set_aside(parts, error);
	if (result)
		return result;
	v2m_ledger_tell_stored(v2m_bookkeeper_ledger(parts->bookkeeper), note_stored, parts);
	if (!knows)
		v2m_bookkeeper_flush(parts->bookkeeper);
	return 0;
}

/*
 * Attaching takes longest, and placing the slots some milliseconds, so they come first: the sockets
 * count meanwhile. They are read before the slots are placed, because a failure then leaves nothing
 * behind, and for the last time after it. The maps are read right after that. The account knows
 * what the sockets have counted since its last exact reading, and adds only what the maps have
 * beyond it. So no byte is doubled. Bytes between the last two readings may be lost.
 */
static int change_to_programs(struct v2m_parts *parts, struct v2m_error *error)
{
	int result;

	v2m_counting_update_devices(parts);
	if (v2m_device_watch_all_failed(parts->devices))
		return v2m_error_set(error, -EOPNOTSUPP, "%s",
				     v2m_device_watch_failure(parts->devices));
	result = v2m_sampling_take(parts);
	if (!result) {
		result = v2m_counting_set_ports(parts, v2m_key_supply_active(parts->keys), error);
		if (result < 0)
			return result;
		result = v2m_sampling_take(parts);
	}
	if (!result)
		result = v2m_sampling_take_programs(parts);
	if (result)
		return v2m_error_set(error, result, "the counters cannot be read: %s",
				     strerror(-result));
	return 0;
}

void v2m_counting_retry_programs(struct v2m_parts *parts)
{
	struct v2m_error error = { 0 };

	if (v2m_byte_source_is_exact(parts->byte_source))
		return;
	if (v2m_byte_source_load_programs(parts->byte_source, &error) ||
	    v2m_counting_check_ledger(parts, &error) || change_to_programs(parts, &error)) {
		v2m_byte_source_unload_programs(parts->byte_source, error.text);
		return;
	}
	v2m_byte_source_use_programs(parts->byte_source);
	set_owners(parts, v2m_key_supply_active(parts->keys));
	v2m_connections_count_sessions(parts->connections,
				       v2m_byte_source_programs(parts->byte_source));
	judge_delivered(parts);
	v2m_connections_set_slots(parts->connections, v2m_key_supply_active(parts->keys),
				  v2m_byte_source_programs(parts->byte_source));
	v2m_publisher_withdraw(parts->publisher);
}
