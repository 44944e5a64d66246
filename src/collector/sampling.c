// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/sampling.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "accounting/account_owners.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/device_watch.h"
#include "collector/health.h"
#include "collector/key_supply.h"
#include "collector/outrun_watch.h"
#include "collector/publisher.h"
#include "collector/requests.h"
#include "collector/snapshots.h"
#include "paths/address_device.h"

/* Each takes a list of all addresses of this host. */
#define SEARCHED_CONNECTIONS 64

static void set_unreadable(struct v2m_parts *parts, const char *why)
{
	if (!v2m_conditions_set(parts->conditions, V2M_COUNTERS_UNREADABLE, why))
		return;
	v2m_log_error("the counters cannot be read: %s", why);
	v2m_publisher_withdraw(parts->publisher);
}

/* The owners of these sessions are in the last sample. */
static void account_sessions(struct v2m_parts *parts)
{
	size_t count;
	V2M_FREE uint32_t *owners = v2m_attribution_take_sessions(parts->attribution, &count);

	/* The kernel's counts are complete, and they survive us. */
	if (count && !v2m_connections_know_owners(parts->connections) &&
	    v2m_account_labelled_sessions(v2m_bookkeeper_account(parts->bookkeeper), owners, count,
					  v2m_bookkeeper_sample(parts->bookkeeper)->real_us))
		v2m_log_error("sessions on shared ports are in no history: out of memory");
}

int v2m_sampling_take(struct v2m_parts *parts)
{
	struct v2m_sample sample = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_byte_source_read(parts->byte_source, &sample, &error);

	if (result) {
		set_unreadable(parts, error.text);
		return result;
	}
	v2m_device_watch_read_queues(parts->devices, &sample);
	v2m_device_watch_check_fragments(parts->devices,
					 v2m_byte_source_programs(parts->byte_source));
	v2m_outrun_watch_take(parts->devices, parts->conditions,
			      v2m_byte_source_is_exact(parts->byte_source)
				      ? v2m_byte_source_programs(parts->byte_source)
				      : NULL,
			      &sample);
	result = v2m_bookkeeper_add_sample(parts->bookkeeper, v2m_key_supply_active(parts->keys),
					   &sample);
	if (result) {
		set_unreadable(parts, strerror(-result));
		return result;
	}
	account_sessions(parts);
	v2m_device_watch_judge(parts->devices, v2m_bookkeeper_sample(parts->bookkeeper));
	if (v2m_conditions_clear(parts->conditions, V2M_COUNTERS_UNREADABLE))
		v2m_log_info("the counters can be read again");
	return 0;
}

int v2m_sampling_take_programs(struct v2m_parts *parts)
{
	struct v2m_sample sample = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_byte_source_read_programs(parts->byte_source, &sample, &error);

	if (result)
		return result;
	sample.beside_sockets = true;
	return v2m_bookkeeper_add_other(parts->bookkeeper, v2m_key_supply_active(parts->keys),
					&sample);
}

bool v2m_sampling_may_wait(const struct v2m_parts *parts)
{
	return parts->config->api_bytes != V2M_API_BYTES_DELIVERED &&
	       v2m_connections_measure_delivered(parts->connections) &&
	       v2m_unasked_looks_may_wait(&parts->looks, v2m_clock_mono_ns());
}

void v2m_sampling_take_delivered(struct v2m_parts *parts)
{
	V2M_CLEANUP(v2m_session_counts_clear) struct v2m_session_counts counts = { 0 };
	const uint64_t begun_ns = v2m_clock_cpu_ns();

	if (!v2m_connections_measure_delivered(parts->connections))
		return;
	v2m_connections_read_delivered(parts->connections,
				       v2m_byte_source_programs(parts->byte_source));
	parts->looks.pass_ns = v2m_clock_cpu_ns() - begun_ns;
	if (v2m_connections_sessions(parts->connections, &counts) ||
	    v2m_bookkeeper_add_delivered(parts->bookkeeper, v2m_key_supply_active(parts->keys),
					 &counts))
		v2m_log_error("delivered bytes are accounted with the next reading: out of memory");
}

/* Answers in delivered bytes are of this moment, too. */
int v2m_sampling_take_for_answer(struct v2m_parts *parts)
{
	if (parts->config->api_bytes != V2M_API_BYTES_DELIVERED)
		return v2m_sampling_take(parts);
	/* The figures would not grow, as if there were no traffic. */
	if (!v2m_connections_measure_delivered(parts->connections))
		return -EOPNOTSUPP;
	v2m_sampling_take_delivered(parts);
	return v2m_sampling_take(parts);
}

static uint64_t sum_dropped(const struct v2m_parts *parts)
{
	size_t count;
	const struct v2m_watched_device *devices = v2m_device_watch_devices(parts->devices, &count);
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += devices[i].queue.dropped.wire_bytes;
	return sum;
}

/* The parts, and the name of the device that was found. */
struct search {
	const struct v2m_parts *parts;
	char name[V2M_DEVICE_NAME_LEN];
};

static bool is_counted_on(const struct v2m_parts *parts, const char *name)
{
	size_t count;
	const struct v2m_watched_device *devices = v2m_device_watch_devices(parts->devices, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(devices[i].chosen.device.name, name) == 0 && !devices[i].failed)
			return true;
	return false;
}

/* A device that has the address of a connection of the slot, and that is not counted on. */
static const char *find_uncounted_device(void *context, uint32_t slot_number)
{
	struct search *search = context;
	size_t count;
	const struct v2m_connection *connections = v2m_connection_table_slot(
		v2m_connections_table(search->parts->connections), (uint16_t)slot_number, &count);

	/* In another namespace, addresses are another host's. */
	if (search->parts->config->netns)
		return "";
	for (size_t i = 0; i < count && i < SEARCHED_CONNECTIONS; i++)
		if (v2m_address_device(&connections[i], search->name) &&
		    !is_counted_on(search->parts, search->name))
			return search->name;
	return "";
}

void v2m_sampling_compare(struct v2m_parts *parts)
{
	struct search search = { .parts = parts };
	V2M_CLEANUP(v2m_session_counts_clear) struct v2m_session_counts counts = { 0 };

	if (v2m_byte_source_is_exact(parts->byte_source) &&
	    v2m_connections_measure_delivered(parts->connections) &&
	    v2m_connections_sessions(parts->connections, &counts) == 0)
		v2m_bookkeeper_compare(parts->bookkeeper, counts.ports, counts.n_ports,
				       sum_dropped(parts), find_uncounted_device, &search);
}

static int account_connections(struct v2m_parts *parts)
{
	V2M_CLEANUP(v2m_session_counts_clear) struct v2m_session_counts counts = { 0 };
	int result = v2m_connections_sessions(parts->connections, &counts);

	if (result)
		return result;
	return v2m_bookkeeper_add_connections(parts->bookkeeper, v2m_key_supply_active(parts->keys),
					      v2m_connections_table(parts->connections), &counts);
}

/* A slot behind another one is counted in front. */
static bool is_counted_on_loopback(const void *context, uint16_t slot_port)
{
	const struct v2m_keyset *keyset = context;
	const struct v2m_slot *slot = v2m_slots_at(&keyset->slots, slot_port, V2M_TCP);

	return !slot || slot->loopback || slot->behind || slot->refused;
}

static void report_path(struct v2m_conditions *conditions, const struct v2m_error *sentence)
{
	if (!*sentence->text) {
		if (v2m_conditions_clear(conditions, V2M_PATH_UNCOUNTED))
			v2m_log_info("nothing passes over lo to a port that is not counted there, "
				     "any more");
	} else if (v2m_conditions_set(conditions, V2M_PATH_UNCOUNTED, sentence->text)) {
		v2m_log_warning("%s", sentence->text);
	}
}

static void judge_connections(struct v2m_parts *parts, struct v2m_error *sentence)
{
	size_t count;
	const struct v2m_local_path *path =
		v2m_connections_find_paths(parts->connections, is_counted_on_loopback,
					   v2m_key_supply_active(parts->keys), &count);

	if (path)
		v2m_error_set(
			sentence, 0,
			"port %u: %zu connections come from this host itself, over lo, where the "
			"port is not counted; they have carried %" PRIu64
			" bytes so far (%zu such port%s). If a program on this host forwards "
			"clients to the port, let the proxy listen on 127.0.0.1 there: then the "
			"port is counted on lo",
			path->slot_port, path->connections, path->bytes, count,
			count == 1 ? "" : "s");
}

static void judge_senders(struct v2m_parts *parts, struct v2m_error *sentence)
{
	size_t sockets;
	size_t count;
	uint16_t slot_port = v2m_connections_find_senders(parts->connections, &sockets, &count);

	if (slot_port)
		v2m_error_set(
			sentence, 0,
			"port %u: %zu UDP socket%s of this host itself send%s to it over lo, where "
			"the port is not counted; how much is not known (%zu such port%s). If a "
			"program on this host forwards clients to the port, let the proxy listen "
			"on 127.0.0.1 there: then the port is counted on lo",
			slot_port, sockets, sockets == 1 ? "" : "s", sockets == 1 ? "s" : "", count,
			count == 1 ? "" : "s");
}

/* Connections and datagrams from this host itself pass the loopback device alone. */
static void judge_paths(struct v2m_parts *parts)
{
	struct v2m_error sentence = { 0 };

	if (v2m_byte_source_is_exact(parts->byte_source)) {
		judge_senders(parts, &sentence);
		judge_connections(parts, &sentence);
	}
	report_path(parts->conditions, &sentence);
}

/* The sessions were just read. */
static int dump_connections(struct v2m_parts *parts)
{
	const uint64_t begun_ns = v2m_clock_cpu_ns();
	struct v2m_connection_table *table = NULL;
	int result = v2m_connections_dump(parts->connections, v2m_key_supply_active(parts->keys),
					  &table);

	if (result)
		return result;
	v2m_byte_source_fill_peers(parts->byte_source, table);
	v2m_attribution_fill_owners(parts->attribution,
				    v2m_byte_source_programs(parts->byte_source), table);
	v2m_connections_replace(parts->connections, table);
	judge_paths(parts);
	if (account_connections(parts))
		v2m_log_error("sessions are not counted until the next dump of the connections: "
			      "out of memory");
	parts->looks.dump =
		(struct v2m_look_pace){ v2m_clock_mono_ns(), v2m_clock_cpu_ns() - begun_ns };
	return 0;
}

int v2m_sampling_dump_only(struct v2m_parts *parts)
{
	v2m_connections_read_sessions(parts->connections);
	return dump_connections(parts);
}

int v2m_sampling_dump_connections(struct v2m_parts *parts)
{
	if (!v2m_connections_pass_is_due(parts->connections))
		return v2m_sampling_dump_only(parts);
	v2m_sampling_take_delivered(parts);
	return dump_connections(parts);
}

struct v2m_snapshot *v2m_sampling_make_snapshot(struct v2m_parts *parts)
{
	struct v2m_snapshot *snapshot;

	v2m_device_watch_read_counters(parts->devices);
	snapshot = v2m_snapshots_make(parts);
	if (!snapshot)
		v2m_log_error("a snapshot of %zu ports cannot be made: out of memory",
			      v2m_key_supply_active(parts->keys)->slots.count);
	return snapshot;
}

void v2m_sampling_renew_window(struct v2m_parts *parts)
{
	struct v2m_snapshot *next = NULL;

	if (v2m_publisher_is_wanted(parts->publisher) && v2m_sampling_take_for_answer(parts) == 0 &&
	    v2m_sampling_dump_connections(parts) == 0)
		next = v2m_sampling_make_snapshot(parts);
	if (!next) {
		v2m_publisher_end(parts->publisher);
		return;
	}
	v2m_requests_tell_window(parts->requests, next,
				 v2m_publisher_publish(parts->publisher, next, false));
	v2m_snapshot_unref(next);
}
