// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/status.h"

#include <stdlib.h>

/* The least that an item of each list takes in a message. */
#define DEVICE_SIZE     472
#define REASON_SIZE     V2M_REASON_SIZE
#define SOURCE_SIZE     20
#define ACCESS_LOG_SIZE 14
#define DRIFT_SIZE      50
#define ASIDE_SIZE      28
#define ALIAS_SIZE      18

void v2m_put_error(struct v2m_wire *wire, struct v2m_error *error)
{
	v2m_wire_chars(wire, error->text, sizeof(error->text));
	error->failure = v2m_wire_limited(wire, error->failure, V2M_FAILURE_DAMAGED);
}

static void put_tally(struct v2m_wire *wire, struct v2m_tally *tally)
{
	uint64_t packets = tally->packets;
	uint64_t bytes = tally->wire_bytes;

	v2m_wire_u64(wire, &packets);
	v2m_wire_u64(wire, &bytes);
	*tally = (struct v2m_tally){ .packets = packets, .wire_bytes = bytes };
}

static void put_flow(struct v2m_wire *wire, struct v2m_device_flow *flow)
{
	put_tally(wire, &flow->seen);
	put_tally(wire, &flow->keys);
	put_tally(wire, &flow->fragments);
	put_tally(wire, &flow->unattributed);
	put_tally(wire, &flow->other);
	put_tally(wire, &flow->too_deep);
	put_tally(wire, &flow->foreign);
}

static void put_device(struct v2m_wire *wire, struct v2m_status_device *device)
{
	v2m_wire_u32(wire, &device->ifindex);
	v2m_wire_chars(wire, device->name, sizeof(device->name));
	v2m_wire_chars(wire, device->reason, sizeof(device->reason));
	v2m_wire_chars(wire, device->attach, sizeof(device->attach));
	v2m_wire_bool(wire, &device->outrun);
	v2m_wire_bool(wire, &device->loopback);
	v2m_wire_bool(wire, &device->host_only);
	put_flow(wire, &device->ingress);
	put_flow(wire, &device->egress);
	v2m_wire_u64(wire, &device->link_rx_bytes);
	v2m_wire_u64(wire, &device->link_tx_bytes);
	v2m_wire_u32(wire, &device->repairs);
	v2m_wire_i64(wire, &device->repaired_us);
	v2m_wire_u64(wire, &device->gap_ns);
	v2m_wire_chars(wire, device->queue, sizeof(device->queue));
	put_tally(wire, &device->queue_sent);
	put_tally(wire, &device->queue_dropped);
	v2m_wire_u64(wire, &device->queue_requeues);
}

static void put_reasons(struct v2m_wire *wire, struct v2m_status *status)
{
	status->reasons = v2m_wire_array(wire, status->reasons, &status->n_reasons, REASON_SIZE,
					 sizeof(*status->reasons));
	for (size_t i = 0; i < status->n_reasons && !wire->failed; i++) {
		v2m_wire_chars(wire, status->reasons[i].word, sizeof(status->reasons[i].word));
		v2m_put_error(wire, &status->reasons[i].sentence);
	}
}

static void put_devices(struct v2m_wire *wire, struct v2m_status *status)
{
	status->devices = v2m_wire_array(wire, status->devices, &status->n_devices, DEVICE_SIZE,
					 sizeof(*status->devices));
	for (size_t i = 0; i < status->n_devices && !wire->failed; i++)
		put_device(wire, &status->devices[i]);
}

void v2m_put_notes(struct v2m_wire *wire, struct v2m_key_notes *notes)
{
	notes->items = v2m_wire_array(wire, notes->items, &notes->count, SOURCE_SIZE,
				      sizeof(*notes->items));
	if (wire->reading)
		notes->capacity = notes->count;
	for (size_t i = 0; i < notes->count && !wire->failed; i++) {
		struct v2m_key_note *note = &notes->items[i];

		note->kind = v2m_wire_limited(wire, note->kind, V2M_NOTE_MISSING);
		v2m_wire_text(wire, &note->file);
		v2m_wire_u32(wire, &note->line);
		v2m_wire_u32(wire, &note->column);
		v2m_wire_text(wire, &note->member);
		v2m_wire_text(wire, &note->reason);
		if (!note->file || !note->member || !note->reason)
			v2m_wire_refuse(wire);
	}
	v2m_wire_size(wire, &notes->n_more);
	v2m_wire_size(wire, &notes->n_missing);
}

void v2m_put_access_logs(struct v2m_wire *wire, struct v2m_access_logs *logs)
{
	logs->items = v2m_wire_array(wire, logs->items, &logs->count, ACCESS_LOG_SIZE,
				     sizeof(*logs->items));
	if (wire->reading)
		logs->capacity = logs->count;
	for (size_t i = 0; i < logs->count && !wire->failed; i++) {
		struct v2m_access_log *log = &logs->items[i];

		v2m_wire_text(wire, &log->source);
		v2m_wire_text(wire, &log->path);
		log->kind = v2m_wire_limited(wire, log->kind, V2M_N_ACCESS_LOG_KINDS - 1);
		v2m_wire_bool(wire, &log->masked);
		v2m_wire_bool(wire, &log->is_read);
		if (!log->source)
			v2m_wire_refuse(wire);
	}
}

static void put_sources(struct v2m_wire *wire, struct v2m_source_report *sources)
{
	sources->items = v2m_wire_array(wire, sources->items, &sources->count, SOURCE_SIZE,
					sizeof(*sources->items));
	if (wire->reading)
		sources->capacity = sources->count;
	for (size_t i = 0; i < sources->count && !wire->failed; i++) {
		struct v2m_source_entry *entry = &sources->items[i];

		v2m_wire_text(wire, &entry->path);
		v2m_wire_text(wire, &entry->kind);
		v2m_wire_size(wire, &entry->keys);
		v2m_wire_size(wire, &entry->good_keys);
		v2m_wire_text(wire, &entry->error);
		if (!entry->path)
			v2m_wire_refuse(wire);
	}
	v2m_wire_size(wire, &sources->refused_ports);
	v2m_put_notes(wire, &sources->notes);
	v2m_put_access_logs(wire, &sources->access_logs);
	/* The reading process, which sends such a list too, knows of no problem. */
	for (size_t i = 0; i < sources->access_logs.count && !wire->failed; i++)
		v2m_wire_text(wire, &sources->access_logs.items[i].problem);
}

static void put_aliases(struct v2m_wire *wire, struct v2m_status *status)
{
	status->aliases = v2m_wire_array(wire, status->aliases, &status->n_aliases, ALIAS_SIZE,
					 sizeof(*status->aliases));
	for (size_t i = 0; i < status->n_aliases && !wire->failed; i++) {
		v2m_wire_u16(wire, &status->aliases[i].first_port);
		v2m_wire_u16(wire, &status->aliases[i].last_port);
		v2m_wire_u16(wire, &status->aliases[i].target);
		v2m_wire_u32(wire, &status->aliases[i].transports);
		v2m_wire_u32(wire, &status->aliases[i].families);
		status->aliases[i].origin =
			v2m_wire_limited(wire, status->aliases[i].origin, V2M_N_ALIAS_ORIGINS - 1);
		v2m_wire_u32(wire, &status->aliases[i].families);
	}
}

static void put_asides(struct v2m_wire *wire, struct v2m_status *status)
{
	status->asides = v2m_wire_array(wire, status->asides, &status->n_asides, ASIDE_SIZE,
					sizeof(*status->asides));
	for (size_t i = 0; i < status->n_asides && !wire->failed; i++) {
		v2m_wire_u16(wire, &status->asides[i].port);
		v2m_wire_u16(wire, &status->asides[i].last_port);
		v2m_wire_i64(wire, &status->asides[i].found_us);
		v2m_wire_u64(wire, &status->asides[i].rx_bytes);
		v2m_wire_u64(wire, &status->asides[i].tx_bytes);
	}
}

static void put_drift(struct v2m_wire *wire, struct v2m_status *status)
{
	status->drift = v2m_wire_array(wire, status->drift, &status->n_drift, DRIFT_SIZE,
				       sizeof(*status->drift));
	for (size_t i = 0; i < status->n_drift && !wire->failed; i++) {
		struct v2m_status_drift *drift = &status->drift[i];

		v2m_wire_text(wire, &drift->id);
		v2m_wire_text(wire, &drift->name);
		v2m_wire_i64(wire, &drift->since_us);
		v2m_wire_i64(wire, &drift->drifts_since_us);
		v2m_wire_u64(wire, &drift->proxy_rx_bytes);
		v2m_wire_u64(wire, &drift->proxy_tx_bytes);
		v2m_wire_u64(wire, &drift->rx_bytes);
		v2m_wire_u64(wire, &drift->tx_bytes);
		v2m_wire_bool(wire, &drift->resets);
		if (!drift->id || !drift->name)
			v2m_wire_refuse(wire);
	}
	v2m_wire_size(wire, &status->compared_keys);
	v2m_wire_size(wire, &status->reset_keys);
}

static void put_budget(struct v2m_wire *wire, struct v2m_budget_view *budget)
{
	v2m_wire_bool(wire, &budget->set);
	v2m_wire_u64(wire, &budget->limit);
	v2m_wire_chars(wire, budget->directions, sizeof(budget->directions));
	v2m_wire_u32(wire, &budget->billing_day);
	v2m_wire_i32(wire, &budget->from);
	v2m_wire_i32(wire, &budget->next);
	v2m_wire_i64(wire, &budget->since_us);
	v2m_wire_i64(wire, &budget->read_us);
	v2m_wire_u64(wire, &budget->customers.rx);
	v2m_wire_u64(wire, &budget->customers.tx);
	v2m_wire_u64(wire, &budget->internet.rx);
	v2m_wire_u64(wire, &budget->internet.tx);
	v2m_wire_u64(wire, &budget->used);
	v2m_wire_u64(wire, &budget->projected);
	v2m_wire_double(wire, &budget->days_left);
	v2m_wire_double(wire, &budget->lasts_days);
}

static void put_members(struct v2m_wire *wire, struct v2m_status *status)
{
	v2m_wire_i64(wire, &status->real_us);
	v2m_wire_i64(wire, &status->started_us);
	status->mode = v2m_wire_limited(wire, status->mode, V2M_MODE_SOCKET_STATS);
	v2m_wire_text(wire, &status->mode_reason);
	v2m_wire_chars(wire, status->health_reason, sizeof(status->health_reason));
	v2m_wire_text(wire, &status->health_detail);
	put_reasons(wire, status);
	v2m_wire_u64(wire, &status->counters_since_ns);
	v2m_wire_size(wire, &status->keys);
	v2m_wire_size(wire, &status->active_keys);
	v2m_wire_size(wire, &status->ports);
	v2m_wire_size(wire, &status->connections);
	put_devices(wire, status);
	v2m_wire_bool(wire, &status->fragments_observed);
	v2m_wire_u64(wire, &status->fragments_guessed);
	v2m_wire_u64(wire, &status->fragments_lost);
	v2m_wire_size(wire, &status->shared.flows);
	v2m_wire_size(wire, &status->shared.flows_max);
	v2m_wire_size(wire, &status->shared.users);
	v2m_wire_size(wire, &status->shared.users_max);
	put_asides(wire, status);
	put_aliases(wire, status);
	put_drift(wire, status);
	put_sources(wire, &status->sources);
	put_budget(wire, &status->budget);
}

void v2m_put_status(struct v2m_wire *wire, struct v2m_status **status)
{
	bool exists = *status;

	v2m_wire_bool(wire, &exists);
	if (!exists)
		return;
	if (wire->reading)
		*status = calloc(1, sizeof(**status));
	if (*status)
		put_members(wire, *status);
	else
		v2m_wire_refuse(wire);
}
