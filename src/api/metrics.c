// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics_keys.h"
#include "api/metrics_text.h"
#include "base/macros.h"

#define NO_LABELS ((const struct v2m_metric_label *)NULL)
#define LABELS(...)                                                                                \
	(const struct v2m_metric_label[V2M_METRIC_LABELS])                                         \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void put_gauge(struct v2m_metrics_text *text, const char *name, const char *help,
		      const struct v2m_metric_label *labels, uint64_t value)
{
	v2m_metrics_family(text, name, V2M_METRIC_GAUGE, help);
	v2m_metrics_u64(text, labels, value);
}

static bool has_reason(const struct v2m_status *status, const char *word)
{
	for (size_t i = 0; i < status->n_reasons; i++)
		if (strcmp(status->reasons[i].word, word) == 0)
			return true;
	return false;
}

static void put_health(struct v2m_metrics_text *text, const struct v2m_status *status)
{
	bool exact = status->mode == V2M_MODE_EBPF;

	put_gauge(text, "v2meter_build_info", "The version of the daemon.",
		  LABELS({ "version", V2M_VERSION }), 1);
	v2m_metrics_family(text, "v2meter_start_time_seconds", V2M_METRIC_GAUGE,
			   "When the daemon started, in Unix seconds.");
	v2m_metrics_seconds(text, NO_LABELS, status->started_us);
	put_gauge(text, "v2meter_healthy", "1 if the daemon finds nothing wrong.", NO_LABELS,
		  status->n_reasons == 0 && !*status->health_reason);
	v2m_metrics_family(text, "v2meter_degraded", V2M_METRIC_GAUGE,
			   "One sample for each thing that is wrong now; v2meterd(8) explains the "
			   "reasons.");
	for (size_t i = 0; i < status->n_reasons; i++)
		v2m_metrics_u64(text, LABELS({ "reason", status->reasons[i].word }), 1);
	put_gauge(text, "v2meter_ledger_writable", "1 if totals can be stored.", NO_LABELS,
		  !has_reason(status, "ledger_unwritable"));
	put_gauge(text, "v2meter_accounting_exact",
		  "1 if the kernel programs count; 0 if bytes come from the sockets' counters.",
		  LABELS({ "mode", exact ? "ebpf" : "socket_stats" }), exact);
}

static void put_sample_time(struct v2m_metrics_text *text, const struct v2m_snapshot *snapshot,
			    int64_t now_us)
{
	v2m_metrics_family(text, "v2meter_sample_timestamp_seconds", V2M_METRIC_GAUGE,
			   "When the counters below were read, in Unix seconds.");
	v2m_metrics_seconds(text, NO_LABELS, snapshot->real_us);
	v2m_metrics_family(text, "v2meter_sample_age_seconds", V2M_METRIC_GAUGE,
			   "How old they were when this answer was made.");
	v2m_metrics_seconds(text, NO_LABELS,
			    now_us > snapshot->real_us ? now_us - snapshot->real_us : 0);
}

/* Logs that are not followed at all are in neither sum. */
static void put_logs(struct v2m_metrics_text *text, const struct v2m_access_logs *logs)
{
	size_t followed = 0;
	size_t unread = 0;

	for (size_t i = 0; i < logs->count; i++) {
		followed += logs->items[i].is_read;
		unread += logs->items[i].problem != NULL;
	}
	v2m_metrics_family(text, "v2meter_access_logs", V2M_METRIC_GAUGE,
			   "Access logs that tell users of shared ports apart, and how many of "
			   "them cannot be read.");
	v2m_metrics_u64(text, LABELS({ "state", "followed" }), followed);
	v2m_metrics_u64(text, LABELS({ "state", "unread" }), unread);
}

static void put_sources(struct v2m_metrics_text *text, const struct v2m_status *status)
{
	size_t broken = 0;

	for (size_t i = 0; i < status->sources.count; i++)
		broken += status->sources.items[i].error != NULL;
	v2m_metrics_family(text, "v2meter_keys", V2M_METRIC_GAUGE, "Keys that are known.");
	v2m_metrics_u64(text, LABELS({ "state", "active" }), status->active_keys);
	v2m_metrics_u64(text, LABELS({ "state", "inactive" }), status->keys - status->active_keys);
	v2m_metrics_family(text, "v2meter_key_sources", V2M_METRIC_GAUGE,
			   "Sources of keys, and how many of them cannot be read.");
	v2m_metrics_u64(text, LABELS({ "state", "good" }), status->sources.count - broken);
	v2m_metrics_u64(text, LABELS({ "state", "broken" }), broken);
	put_gauge(text, "v2meter_key_notes",
		  "Places in the key sources that give no key, so users' bytes are not counted.",
		  NO_LABELS, status->sources.notes.n_missing);
	put_logs(text, &status->sources.access_logs);
}

static void put_budget(struct v2m_metrics_text *text, const struct v2m_budget_view *budget)
{
	if (!budget->set)
		return;
	put_gauge(text, "v2meter_budget_limit_bytes", "What the provider allows in a period.",
		  NO_LABELS, budget->limit);
	put_gauge(text, "v2meter_budget_used_bytes",
		  "What the provider counts since the billing day.", NO_LABELS, budget->used);
	put_gauge(text, "v2meter_budget_projected_bytes",
		  "What it will be at the end of the period, if it goes on like this.", NO_LABELS,
		  budget->projected);
}

/* The classes of what a program sees. Together they are all of it. */
static void put_classes(struct v2m_metrics_text *text, const struct v2m_status_device *device,
			const char *direction, const struct v2m_device_flow *flow, bool packets)
{
	const struct {
		const char *name;
		const struct v2m_tally *tally;
	} classes[] = {
		{ device->loopback ? "loopback" : "keys", &flow->keys },
		{ "fragments", &flow->fragments },
		{ "unattributed", &flow->unattributed },
		{ "too_deep", &flow->too_deep },
		{ "foreign", &flow->foreign },
		{ "everything_else", &flow->other },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(classes); i++)
		v2m_metrics_u64(text,
				LABELS({ "device", device->name }, { "direction", direction },
				       { "class", classes[i].name }),
				packets ? classes[i].tally->packets : classes[i].tally->wire_bytes);
}

static void put_device_flows(struct v2m_metrics_text *text, const struct v2m_status *status,
			     bool packets)
{
	if (packets)
		v2m_metrics_family(text, "v2meter_device_packets_total", V2M_METRIC_COUNTER,
				   "Packets that the programs saw, by class.");
	else
		v2m_metrics_family(text, "v2meter_device_bytes_total", V2M_METRIC_COUNTER,
				   "Wire bytes that the programs saw, by class.");
	for (size_t i = 0; i < status->n_devices; i++) {
		put_classes(text, &status->devices[i], "rx", &status->devices[i].ingress, packets);
		put_classes(text, &status->devices[i], "tx", &status->devices[i].egress, packets);
	}
}

static void put_device_counter(struct v2m_metrics_text *text, const struct v2m_status *status,
			       const char *name, const char *help,
			       uint64_t (*value)(const struct v2m_status_device *device))
{
	v2m_metrics_family(text, name, V2M_METRIC_COUNTER, help);
	for (size_t i = 0; i < status->n_devices; i++)
		v2m_metrics_u64(text, LABELS({ "device", status->devices[i].name }),
				value(&status->devices[i]));
}

static uint64_t dropped_bytes(const struct v2m_status_device *device)
{
	return device->queue_dropped.wire_bytes;
}

static uint64_t dropped_packets(const struct v2m_status_device *device)
{
	return device->queue_dropped.packets;
}

static uint64_t repairs(const struct v2m_status_device *device)
{
	return device->repairs;
}

static void put_devices(struct v2m_metrics_text *text, const struct v2m_status *status)
{
	put_device_flows(text, status, false);
	put_device_flows(text, status, true);
	v2m_metrics_family(text, "v2meter_device_link_bytes_total", V2M_METRIC_COUNTER,
			   "The device's own counters.");
	for (size_t i = 0; i < status->n_devices; i++) {
		const struct v2m_status_device *device = &status->devices[i];

		v2m_metrics_u64(text, LABELS({ "device", device->name }, { "direction", "rx" }),
				device->link_rx_bytes);
		v2m_metrics_u64(text, LABELS({ "device", device->name }, { "direction", "tx" }),
				device->link_tx_bytes);
	}
	put_device_counter(text, status, "v2meter_device_queue_dropped_bytes_total",
			   "Bytes that were counted as sent and then dropped by the queue.",
			   dropped_bytes);
	put_device_counter(text, status, "v2meter_device_queue_dropped_packets_total",
			   "Packets that were counted as sent and then dropped by the queue.",
			   dropped_packets);
	put_device_counter(text, status, "v2meter_device_repairs_total",
			   "How often our programs had been removed and were attached again.",
			   repairs);
	v2m_metrics_family(text, "v2meter_device_attached", V2M_METRIC_GAUGE,
			   "1 if the programs are attached to the device, and how.");
	for (size_t i = 0; i < status->n_devices; i++)
		v2m_metrics_u64(text,
				LABELS({ "device", status->devices[i].name },
				       { "attach", status->devices[i].attach }),
				strcmp(status->devices[i].attach, "none") != 0);
	v2m_metrics_family(text, "v2meter_device_outrun", V2M_METRIC_GAUGE,
			   "1 if somebody else's program runs before ours.");
	for (size_t i = 0; i < status->n_devices; i++)
		v2m_metrics_u64(text, LABELS({ "device", status->devices[i].name }),
				status->devices[i].outrun);
}

int v2m_api_metrics(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		    const void *argument, struct v2m_body *body)
{
	const struct v2m_metrics_input *input = argument;
	struct v2m_metrics_text text = { 0 };
	char *data = NULL;
	size_t length = 0;
	int result;

	(void)unit;
	text.out = open_memstream(&data, &length);
	if (!text.out)
		return -ENOMEM;
	put_health(&text, input->status);
	put_sample_time(&text, snapshot, input->now_us);
	put_sources(&text, input->status);
	put_budget(&text, &input->status->budget);
	result = v2m_metrics_keys(&text, snapshot, &input->options);
	put_devices(&text, input->status);
	if (ferror(text.out))
		result = -ENOMEM;
	if (fclose(text.out))
		result = -ENOMEM;
	if (result) {
		free(data);
		return result;
	}
	*body = (struct v2m_body){ .status = 200, .data = data, .length = length };
	return 0;
}
