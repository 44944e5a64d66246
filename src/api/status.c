// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/status.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "json/json_list.h"

void v2m_status_free(struct v2m_status *status)
{
	if (!status)
		return;
	v2m_source_report_clear(&status->sources);
	free(status->devices);
	for (size_t i = 0; i < status->n_drift; i++) {
		free(status->drift[i].id);
		free(status->drift[i].name);
	}
	free(status->drift);
	free(status->mode_reason);
	free(status->health_detail);
	free(status->reasons);
	free(status->asides);
	free(status->aliases);
	free(status->unprotected);
	free(status);
}

static json_t *make_presented_key(const struct v2m_status *status)
{
	json_t *scopes = json_array();
	const char *at = status->presented_scopes;

	while (*at) {
		size_t length = strcspn(at, ",");

		json_array_append_new(scopes, json_stringn(at, length));
		at += length + (at[length] == ',');
	}
	return json_pack("{ss so}", "name", status->presented_key, "scopes", scopes);
}

static json_t *make_tally(const struct v2m_tally *tally)
{
	return json_pack("{sI sI}", "packets", (json_int_t)tally->packets, "bytes",
			 (json_int_t)tally->wire_bytes);
}

/* Every packet belongs to exactly one class: if residual_bytes is not 0, the programs are wrong. */
static json_t *make_direction(const struct v2m_status_device *device,
			      const struct v2m_device_flow *flow)
{
	static const struct v2m_tally none;
	const struct v2m_tally *keys = device->loopback ? &none : &flow->keys;
	const struct v2m_tally *loopback = device->loopback ? &flow->keys : &none;
	json_int_t residual = (json_int_t)(flow->seen.wire_bytes - flow->keys.wire_bytes -
					   flow->fragments.wire_bytes -
					   flow->unattributed.wire_bytes - flow->other.wire_bytes -
					   flow->too_deep.wire_bytes - flow->foreign.wire_bytes);

	return json_pack("{so so so so so so so so sI}", "seen", make_tally(&flow->seen), "keys",
			 make_tally(keys), "loopback", make_tally(loopback), "fragments",
			 make_tally(&flow->fragments), "unattributed",
			 make_tally(&flow->unattributed), "too_deep", make_tally(&flow->too_deep),
			 "foreign", make_tally(&flow->foreign), "everything_else",
			 make_tally(&flow->other), "residual_bytes", residual);
}

static json_t *make_time(int64_t real_us)
{
	char text[V2M_FORMAT_TIME_LEN];

	if (!real_us)
		return json_null();
	v2m_format_time(real_us, text);
	return json_string(text);
}

static json_t *make_queue(const struct v2m_status_device *device)
{
	if (!*device->queue)
		return json_null();
	return json_pack("{ss so so sI}", "kind", device->queue, "sent",
			 make_tally(&device->queue_sent), "dropped",
			 make_tally(&device->queue_dropped), "requeues",
			 (json_int_t)device->queue_requeues);
}

static json_t *make_device(const struct v2m_status_device *device)
{
	return json_pack("{ss sI ss ss sb sb sb so so so sI sI sI so sf}", "name", device->name,
			 "ifindex", (json_int_t)device->ifindex, "reason", device->reason, "attach",
			 device->attach, "outrun", device->outrun, "loopback", device->loopback,
			 "host_only", device->host_only, "ingress",
			 make_direction(device, &device->ingress), "egress",
			 make_direction(device, &device->egress), "queue", make_queue(device),
			 "link_rx_bytes", (json_int_t)device->link_rx_bytes, "link_tx_bytes",
			 (json_int_t)device->link_tx_bytes, "repairs", (json_int_t)device->repairs,
			 "last_repair", make_time(device->repaired_us), "last_gap_s",
			 (double)device->gap_ns / 1e9);
}

static json_t *make_devices(const struct v2m_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_devices; i++)
		v2m_json_list_add(&list, make_device(&status->devices[i]));
	return list;
}

static json_t *make_fragments(const struct v2m_status *status)
{
	if (status->mode != V2M_MODE_EBPF)
		return json_null();
	return json_pack("{sb sI sI}", "observed", status->fragments_observed, "guessed",
			 (json_int_t)status->fragments_guessed, "lost",
			 (json_int_t)status->fragments_lost);
}

static json_t *make_sources(const struct v2m_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->sources.count; i++) {
		const struct v2m_source_entry *source = &status->sources.items[i];

		v2m_json_list_add(&list, json_pack("{ss ss sI ss?}", "path", source->path, "kind",
						   source->kind, "keys", (json_int_t)source->keys,
						   "error", source->error));
	}
	return list;
}

static json_t *make_reasons(const struct v2m_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_reasons; i++)
		v2m_json_list_add(&list, json_pack("{ss ss}", "reason", status->reasons[i].word,
						   "detail", status->reasons[i].sentence.text));
	return list;
}

static json_t *make_asides(const struct v2m_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_asides; i++) {
		const struct v2m_status_aside *aside = &status->asides[i];

		v2m_json_list_add(&list,
				  json_pack("{sI sI so sI sI}", "port", (json_int_t)aside->port,
					    "last_port", (json_int_t)aside->last_port, "found_at",
					    make_time(aside->found_us), "rx_bytes",
					    (json_int_t)aside->rx_bytes, "tx_bytes",
					    (json_int_t)aside->tx_bytes));
	}
	return list;
}

static json_t *make_aliases(const struct v2m_status *status)
{
	static const char *const origins[V2M_N_ALIAS_ORIGINS] = {
		[V2M_ALIAS_CONFIGURED] = "configuration",
		[V2M_ALIAS_RULE] = "rule",
		[V2M_ALIAS_CONNTRACK] = "conntrack",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_aliases; i++) {
		const struct v2m_port_alias *alias = &status->aliases[i];
		char ports[V2M_SPAN_TEXT_LEN];

		v2m_span_format(alias->first_port, alias->last_port, ports);
		json_array_append_new(list, json_pack("{ss sI ss ss}", "ports", ports, "port",
						      (json_int_t)alias->target, "transport",
						      v2m_format_transports(alias->transports),
						      "from", origins[alias->origin]));
	}
	return list;
}

/* Lists oddities of sources that could be read, for a person. */
static json_t *make_notes(const struct v2m_status *status)
{
	const struct v2m_key_notes *notes = &status->sources.notes;
	json_t *list = json_array();

	for (size_t i = 0; i < notes->count; i++) {
		const struct v2m_key_note *note = &notes->items[i];

		v2m_json_list_add(&list, json_pack("{ss sI sI ss ss sb}", "file", note->file,
						   "line", (json_int_t)note->line, "column",
						   (json_int_t)note->column, "member", note->member,
						   "reason", note->reason, "missing",
						   note->kind == V2M_NOTE_MISSING));
	}
	return list;
}

static json_t *make_compared_key(const struct v2m_status_drift *drift)
{
	uint64_t ours = drift->rx_bytes + drift->tx_bytes;
	uint64_t theirs = drift->proxy_rx_bytes + drift->proxy_tx_bytes;

	return json_pack(
		"{ss ss so so sI sI sI sI sI sb}", "id", drift->id, "name", drift->name, "since",
		make_time(drift->since_us), "drifts_since", make_time(drift->drifts_since_us),
		"proxy_rx_bytes", (json_int_t)drift->proxy_rx_bytes, "proxy_tx_bytes",
		(json_int_t)drift->proxy_tx_bytes, "payload_rx_bytes", (json_int_t)drift->rx_bytes,
		"payload_tx_bytes", (json_int_t)drift->tx_bytes, "difference_bytes",
		(json_int_t)(ours - theirs), "proxy_resets", (int)drift->resets);
}

/* Panels set the counters of a proxy to zero when they read them. */
#define RESETS_TEXT                                                                                \
	"something sets the proxy's counters to zero again and again, as panels do when they "     \
	"read them: it can be seen whether the proxy counts more than the meter, not whether it "  \
	"counts less"

static json_t *make_drift(const struct v2m_status *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < status->n_drift; i++)
		v2m_json_list_add(&list, make_compared_key(&status->drift[i]));
	return json_pack("{sI sI ss? so}", "compared_keys", (json_int_t)status->compared_keys,
			 "reset_keys", (json_int_t)status->reset_keys, "limit",
			 status->reset_keys ? RESETS_TEXT : NULL, "keys", list);
}

static json_t *make_shared(const struct v2m_status *status)
{
	if (!status->shared.flows_max)
		return json_null();
	return json_pack("{sI sI sI sI}", "flows", (json_int_t)status->shared.flows, "flows_max",
			 (json_int_t)status->shared.flows_max, "users",
			 (json_int_t)status->shared.users, "users_max",
			 (json_int_t)status->shared.users_max);
}

static json_t *make_logs(const struct v2m_status *status)
{
	const struct v2m_access_logs *logs = &status->sources.access_logs;
	json_t *list = json_array();

	for (size_t i = 0; i < logs->count; i++) {
		const struct v2m_access_log *log = &logs->items[i];

		v2m_json_list_add(&list,
				  json_pack("{ss ss? ss sb ss? sb}", "source", log->source, "path",
					    log->path, "kind", v2m_access_log_word(log->kind),
					    "followed", log->is_read, "error", log->problem,
					    "masked", log->masked));
	}
	return list;
}

int v2m_status_render(const struct v2m_status *status, struct v2m_body *body)
{
	bool exact = status->mode == V2M_MODE_EBPF;
	json_t *root = json_pack(
		"{ss ss so so so ss? ss? s{ss sb ss?} sI sI sI sI so so so so sI ss?}", "status",
		status->health_reason[0] ? "degraded" : "healthy", "version", V2M_VERSION,
		"timestamp", make_time(status->real_us), "started_at",
		make_time(status->started_us), "counting_since",
		make_time((int64_t)(status->counters_since_ns / 1000)), "reason",
		status->health_reason[0] ? status->health_reason : NULL, "detail",
		status->health_detail, "accounting", "mode", exact ? "ebpf" : "socket_stats",
		"exact", exact, "reason", status->mode_reason, "total_keys",
		(json_int_t)status->keys, "active_keys", (json_int_t)status->active_keys, "ports",
		(json_int_t)status->ports, "connections", (json_int_t)status->connections,
		"devices", make_devices(status), "fragments", make_fragments(status), "key_sources",
		make_sources(status), "key_notes", make_notes(status), "more_key_notes",
		(json_int_t)status->sources.notes.n_more, "unprotected",
		status->unprotected && *status->unprotected ? status->unprotected : NULL);
	char *text;

	if (json_object_set_new(root, "reasons", make_reasons(status)) ||
	    json_object_set_new(root, "set_aside", make_asides(status)) ||
	    json_object_set_new(root, "port_aliases", make_aliases(status)) ||
	    json_object_set_new(root, "drift", make_drift(status)) ||
	    json_object_set_new(root, "access_logs", make_logs(status)) ||
	    json_object_set_new(root, "shared_ports", make_shared(status)) ||
	    (status->presented_key &&
	     json_object_set_new(root, "api_key", make_presented_key(status)))) {
		json_decref(root);
		root = NULL;
	}
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	if (!text)
		return -ENOMEM;
	body->status = 200;
	body->data = text;
	body->length = strlen(text);
	return 0;
}
