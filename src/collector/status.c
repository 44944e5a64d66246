// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The operator's view of the meter, at this moment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/internal.h"
#include "datapath/attach.h"
#include "datapath/datapath.h"
#include "base/clock.h"

static const struct v2m_device_sample *find_sample(const struct v2m_sample *sample,
						   uint32_t ifindex)
{
	for (size_t i = 0; i < sample->n_devices; i++)
		if (sample->devices[i].ifindex == ifindex)
			return &sample->devices[i];
	return NULL;
}

static void fill_device(const struct v2m_collector *collector, const struct watched_device *watched,
			struct v2m_status_device *device)
{
	const struct v2m_device *of = &watched->chosen.device;
	const struct v2m_device_sample *counted = find_sample(&collector->sample, of->ifindex);
	const char *kind;

	device->ifindex = of->ifindex;
	memcpy(device->name, of->name, sizeof(device->name));
	memcpy(device->reason, watched->chosen.reason, sizeof(device->reason));
	kind = collector_is_exact(collector)
		       ? v2m_datapath_kind(collector->datapath, of->ifindex, &device->outrun)
		       : "none";
	snprintf(device->attach, sizeof(device->attach), "%s", watched->failed ? "none" : kind);
	device->loopback = of->loopback;
	device->host_only = of->host_only;
	if (counted) {
		device->ingress = counted->ingress;
		device->egress = counted->egress;
	}
	device->link_rx_bytes = watched->chosen.rx_bytes;
	device->link_tx_bytes = watched->chosen.tx_bytes;
	device->repairs = watched->repairs;
	device->repaired_us = watched->repaired_us;
	device->gap_ns = watched->gap_ns;
}

/* The device that the last error is of, as collector_check_devices() goes through them in order. */
static void tell_refused(const struct v2m_collector *collector, struct v2m_error *sentence)
{
	for (size_t i = collector->n_devices; i > 0; i--) {
		if (!collector->devices[i - 1].failed)
			continue;
		v2m_error_set(sentence, 0, "%s is not counted on: %s",
			      collector->devices[i - 1].chosen.device.name,
			      collector->attach_error.text);
		return;
	}
}

/* A sentence on what published_health() gives as the reason: the same order. "" where all is well.
 */
static void tell_reason(const struct v2m_collector *collector, struct v2m_error *sentence)
{
	const struct condition *is = &collector->condition;

	if (is->counters_unreadable)
		*sentence = collector->counters_error;
	else if (is->ledger_unwritable)
		*sentence = collector->ledger_error;
	else if (is->keys_broken)
		*sentence = collector->sources_result ? collector->sources_error
						      : collector->waiting_error;
	else if (is->ebpf_unavailable)
		v2m_error_set(sentence, 0, "%s", collector->mode_reason);
	else if (is->no_device)
		v2m_error_set(
			sentence, 0,
			"no network device is what \"interfaces\" in the configuration asks for");
	else if (is->netns_unavailable)
		*sentence = collector->netns_error;
	else if (is->device_refused)
		tell_refused(collector, sentence);
	else if (is->too_many_ports)
		v2m_error_set(sentence, 0,
			      "more than %d ports have keys: the others are not counted",
			      V2M_MAX_PORTS);
}

static enum v2m_verdict make_status(struct v2m_collector *collector, void *argument)
{
	struct v2m_status *status = calloc(1, sizeof(*status));
	struct v2m_health health;
	struct v2m_error detail = { 0 };

	if (!status)
		return V2M_UNREADABLE;
	status->devices = calloc(collector->n_devices + 1, sizeof(*status->devices));
	if (!status->devices || v2m_source_report_copy(&collector->sources, &status->sources)) {
		v2m_status_free(status);
		return V2M_UNREADABLE;
	}
	collector_read_links(collector);
	published_health(collector, &health);
	status->health_reason = health.reason;
	tell_reason(collector, &detail);
	status->health_detail = *detail.text ? strdup(detail.text) : NULL;
	if (collector->datapath)
		status->counters_since_ns = v2m_datapath_created_ns(collector->datapath);
	/* Where bytes cannot be counted there never was a sample. */
	status->real_us =
		collector->sample.real_us ? collector->sample.real_us : v2m_clock_real_us();
	status->started_us = collector->started_us;
	status->mode = collector_is_exact(collector) ? V2M_MODE_EBPF : V2M_MODE_SOCKET_STATS;
	if (collector->mode_reason[0])
		status->mode_reason = strdup(collector->mode_reason);
	status->keys = collector->keyset->n_keys;
	status->active_keys = v2m_keyset_count_active(collector->keyset);
	status->ports = collector->keyset->n_ports;
	if (collector->connections)
		status->connections = collector->connections->count;
	for (; status->n_devices < collector->n_devices; status->n_devices++)
		fill_device(collector, &collector->devices[status->n_devices],
			    &status->devices[status->n_devices]);
	*(struct v2m_status **)argument = status;
	return V2M_OK;
}

static enum v2m_verdict meter_status(void *context, struct v2m_status **status)
{
	return requests_call(context, make_status, status);
}

void status_init(struct v2m_meter *meter)
{
	meter->status = meter_status;
}
