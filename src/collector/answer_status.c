// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The operator's view of the meter at this moment. */
#include "collector/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/device_watch.h"
#include "collector/health.h"
#include "collector/key_supply.h"
#include "datapath/attach.h"
#include "datapath/datapath.h"
#include "drift/drift_account.h"
#include "datapath/reassembly.h"

static const struct v2m_device_sample *find_device(const struct v2m_sample *sample,
						   uint32_t ifindex)
{
	for (size_t i = 0; i < sample->n_devices; i++)
		if (sample->devices[i].ifindex == ifindex)
			return &sample->devices[i];
	return NULL;
}

static const char *tell_attachment(const struct v2m_parts *parts,
				   const struct v2m_watched_device *watched, bool *outrun)
{
	const char *kind;

	if (!v2m_byte_source_is_exact(parts->byte_source))
		return "none";
	kind = v2m_datapath_kind(v2m_byte_source_programs(parts->byte_source),
				 watched->chosen.device.ifindex, outrun);
	return watched->failed ? "none" : kind;
}

static void fill_device(const struct v2m_parts *parts, const struct v2m_watched_device *watched,
			struct v2m_status_device *device)
{
	const struct v2m_device *chosen = &watched->chosen.device;
	const struct v2m_device_sample *counted =
		find_device(v2m_bookkeeper_sample(parts->bookkeeper), chosen->ifindex);

	device->ifindex = chosen->ifindex;
	memcpy(device->name, chosen->name, sizeof(device->name));
	memcpy(device->reason, watched->chosen.reason, sizeof(device->reason));
	snprintf(device->attach, sizeof(device->attach), "%s",
		 tell_attachment(parts, watched, &device->outrun));
	device->loopback = chosen->loopback;
	device->host_only = chosen->host_only;
	if (counted) {
		device->ingress = counted->ingress;
		device->egress = counted->egress;
	}
	if (watched->queue.known) {
		memcpy(device->queue, watched->queue.queue.kind, sizeof(device->queue));
		device->queue_sent = watched->queue.sent;
		device->queue_dropped = watched->queue.dropped;
		device->queue_requeues = watched->queue.requeues;
	}
	device->link_rx_bytes = watched->chosen.rx_bytes;
	device->link_tx_bytes = watched->chosen.tx_bytes;
	device->repairs = watched->repairs;
	device->repaired_us = watched->repaired_us;
	device->gap_ns = watched->gap_ns;
}

static bool fill_devices(const struct v2m_parts *parts, struct v2m_status *status)
{
	size_t count;
	const struct v2m_watched_device *devices = v2m_device_watch_devices(parts->devices, &count);

	status->devices = calloc(count + 1, sizeof(*status->devices));
	if (!status->devices)
		return false;
	for (; status->n_devices < count; status->n_devices++)
		fill_device(parts, &devices[status->n_devices],
			    &status->devices[status->n_devices]);
	return true;
}

static bool fill_reasons(const struct v2m_parts *parts, struct v2m_status *status)
{
	status->reasons = calloc(V2M_N_CONDITIONS, sizeof(*status->reasons));
	if (status->reasons)
		status->n_reasons = v2m_conditions_list(parts->conditions, status->reasons);
	return status->reasons;
}

static bool fill_asides(const struct v2m_parts *parts, struct v2m_status *status)
{
	size_t count;
	const struct v2m_aside *asides =
		v2m_account_asides(v2m_bookkeeper_account(parts->bookkeeper), &count);

	status->asides = calloc(count + 1, sizeof(*status->asides));
	if (!status->asides)
		return false;
	for (; status->n_asides < count; status->n_asides++) {
		const struct v2m_aside *aside = &asides[status->n_asides];

		status->asides[status->n_asides] = (struct v2m_status_aside){
			.port = aside->port,
			.last_port = aside->last_port,
			.found_us = aside->found_us,
			.rx_bytes = aside->totals.rx.wire_bytes,
			.tx_bytes = aside->totals.tx.wire_bytes,
		};
	}
	return true;
}

static bool fill_aliases(const struct v2m_parts *parts, struct v2m_status *status)
{
	const struct v2m_port_aliases *aliases = v2m_byte_source_aliases(parts->byte_source);

	status->aliases = calloc(aliases->count + 1, sizeof(*status->aliases));
	if (!status->aliases)
		return false;
	for (; status->n_aliases < aliases->count; status->n_aliases++)
		status->aliases[status->n_aliases] = aliases->items[status->n_aliases];
	return true;
}

static bool names(const struct v2m_access_logs *logs, const char *path)
{
	for (size_t i = 0; i < logs->count; i++)
		if (logs->items[i].path && strcmp(logs->items[i].path, path) == 0)
			return true;
	return false;
}

/* False: out of memory. */
static bool note_log(struct v2m_access_logs *logs, const char *path, const char *problem)
{
	for (size_t i = 0; i < logs->count; i++) {
		struct v2m_access_log *log = &logs->items[i];

		if (!log->path || strcmp(log->path, path) != 0)
			continue;
		log->is_read = !*problem;
		free(log->problem);
		log->problem = *problem ? strdup(problem) : NULL;
		if (*problem && !log->problem)
			return false;
	}
	return true;
}

/* Which of the logs are read, and those that no configuration names. */
static bool fill_logs(const struct v2m_parts *parts, struct v2m_access_logs *logs)
{
	const char *problem;
	const char *path;

	for (size_t i = 0; (path = v2m_attribution_log(parts->attribution, i, &problem)); i++) {
		const struct v2m_access_log log = { .source = (char *)"access_logs",
						    .path = (char *)path,
						    .kind = V2M_ACCESS_LOG_FILE };

		if ((!names(logs, path) && v2m_access_logs_add(logs, &log)) ||
		    !note_log(logs, path, problem))
			return false;
	}
	return true;
}

static void fill_health(const struct v2m_parts *parts, struct v2m_status *status)
{
	struct v2m_error sentence;
	struct v2m_health health;

	v2m_conditions_tell(parts->conditions, &health, &sentence);
	memcpy(status->health_reason, health.reason, sizeof(status->health_reason));
	status->health_detail = *sentence.text ? strdup(sentence.text) : NULL;
}

static void fill_byte_source(const struct v2m_parts *parts, struct v2m_status *status)
{
	const struct v2m_datapath *programs = v2m_byte_source_programs(parts->byte_source);
	const char *reason = v2m_byte_source_reason(parts->byte_source);
	struct v2m_fragment_figures fragments;

	status->mode = v2m_byte_source_is_exact(parts->byte_source) ? V2M_MODE_EBPF
								    : V2M_MODE_SOCKET_STATS;
	status->mode_reason = *reason ? strdup(reason) : NULL;
	if (!programs)
		return;
	status->counters_since_ns = v2m_datapath_created_ns(programs);
	if (v2m_datapath_fragment_figures(programs, &fragments) == 0) {
		status->fragments_observed = fragments.observed;
		status->fragments_guessed = fragments.guessed;
		status->fragments_lost = fragments.lost;
	}
}

static void fill_shared(const struct v2m_parts *parts, struct v2m_status *status)
{
	struct v2m_attribution_room room;

	v2m_attribution_room(parts->attribution, v2m_byte_source_programs(parts->byte_source),
			     &room);
	status->shared.flows = room.flows;
	status->shared.flows_max = room.flows_max;
	status->shared.users = room.users;
	status->shared.users_max = room.users_max;
}

enum v2m_verdict v2m_answer_status(struct v2m_parts *parts, struct v2m_status **status)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	const struct v2m_connection_table *table = v2m_connections_table(parts->connections);
	int64_t sampled_us = v2m_bookkeeper_sample(parts->bookkeeper)->real_us;
	struct v2m_status *made = calloc(1, sizeof(*made));

	if (!made)
		return V2M_UNREADABLE;
	v2m_device_watch_read_counters(parts->devices);
	if (!fill_devices(parts, made) || !fill_reasons(parts, made) ||
	    v2m_drift_fill_status(parts->drift, made) || !fill_asides(parts, made) ||
	    !fill_aliases(parts, made) ||
	    v2m_source_report_copy(v2m_key_supply_report(parts->keys), &made->sources) ||
	    !fill_logs(parts, &made->sources.access_logs)) {
		v2m_status_free(made);
		return V2M_UNREADABLE;
	}
	fill_health(parts, made);
	fill_byte_source(parts, made);
	fill_shared(parts, made);
	v2m_bookkeeper_budget(parts->bookkeeper, &made->budget);
	/* If bytes cannot be counted there never was a sample. */
	made->real_us = sampled_us ? sampled_us : v2m_clock_real_us();
	made->started_us = parts->started_us;
	made->keys = keyset->n_keys;
	made->active_keys = v2m_keyset_count_active(keyset);
	made->ports = keyset->slots.count;
	made->connections = table ? table->count : 0;
	*status = made;
	return V2M_OK;
}
