// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the account to what the API answers from: snapshots, and the window in force. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* While the next window is being made, the one that has just run out still answers. */
#define RENEWAL_GRACE_NS UINT64_C(1000000000)

static void fill_port(const struct v2m_collector *collector, const struct v2m_key_port *port,
		      struct v2m_port_view *view)
{
	char name[V2M_SUBJECT_LEN];
	const struct v2m_subject *subject;

	v2m_keyset_subject(collector->keyset, port, name, sizeof(name));
	subject = v2m_account_subject(collector->account, name);
	view->port = port->port;
	if (subject)
		view->since_reset = v2m_subject_since_reset(subject);
	view->rate_bytes_s = v2m_rates_port(collector->rates, port->port);
	connections_fill(collector, view);
}

static void fill_interface(const struct v2m_chosen_device *device, struct v2m_interface_view *view)
{
	memcpy(view->name, device->device.name, sizeof(view->name));
	view->rx_bytes = device->rx_bytes;
	view->tx_bytes = device->tx_bytes;
}

static struct v2m_snapshot *make_snapshot(struct v2m_collector *collector)
{
	const struct v2m_keyset *keyset = collector->keyset;
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->references = 1;
	snapshot->generation = ++collector->generation;
	snapshot->mono_ns = collector->sample.mono_ns;
	snapshot->real_us = collector->sample.real_us;
	snapshot->mode = collector->sample.mode;
	snapshot->connection_details_max = collector->config->connection_details_max;
	snapshot->keyset = v2m_keyset_ref(collector->keyset);
	if (collector->connections)
		snapshot->connections = v2m_connection_table_ref(collector->connections);
	snapshot->mode_reason = collector->mode_reason[0] ? strdup(collector->mode_reason) : NULL;
	snapshot->ports = calloc(keyset->n_ports + 1, sizeof(*snapshot->ports));
	snapshot->interfaces = calloc(collector->n_devices + 1, sizeof(*snapshot->interfaces));
	if (!snapshot->ports || !snapshot->interfaces ||
	    (collector->mode_reason[0] && !snapshot->mode_reason)) {
		v2m_snapshot_unref(snapshot);
		return NULL;
	}
	for (size_t i = 0; i < keyset->n_ports; i++)
		if (collector_counts_port(collector, &keyset->ports[i]))
			fill_port(collector, &keyset->ports[i],
				  &snapshot->ports[snapshot->n_ports++]);
	for (; snapshot->n_interfaces < collector->n_devices; snapshot->n_interfaces++)
		fill_interface(&collector->devices[snapshot->n_interfaces].chosen,
			       &snapshot->interfaces[snapshot->n_interfaces]);
	return snapshot;
}

struct v2m_window *collector_make_window(struct v2m_collector *collector)
{
	struct v2m_snapshot *snapshot;

	collector_read_links(collector);
	snapshot = make_snapshot(collector);

	if (!snapshot) {
		v2m_log_error("out of memory for a snapshot of %zu ports",
			      collector->keyset->n_ports);
		return NULL;
	}
	return v2m_window_new(snapshot, collector->config->api_bytes);
}

struct v2m_window *published_window(struct v2m_collector *collector)
{
	struct published *published = &collector->published;
	struct v2m_window *window = NULL;
	uint64_t now = v2m_clock_mono_ns();

	pthread_mutex_lock(&published->lock);
	if (published->window &&
	    now < published->expires_ns + (published->used ? RENEWAL_GRACE_NS : 0)) {
		published->used = true;
		window = v2m_window_ref(published->window);
	}
	pthread_mutex_unlock(&published->lock);
	return window;
}

static void replace_window(struct v2m_collector *collector, struct v2m_window *window,
			   uint64_t expires_ns)
{
	struct published *published = &collector->published;
	struct v2m_window *old;

	pthread_mutex_lock(&published->lock);
	old = published->window;
	published->window = window ? v2m_window_ref(window) : NULL;
	published->expires_ns = expires_ns;
	published->used = false;
	pthread_mutex_unlock(&published->lock);
	v2m_window_unref(old);
}

static void arm_window_timer(struct v2m_collector *collector, uint64_t at_ns)
{
	int result = sd_event_source_set_time(collector->window_timer, at_ns / 1000 + 1);

	if (!result)
		result = sd_event_source_set_enabled(collector->window_timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the window timer cannot be set, so a request has to wait for each "
			      "new window: %s",
			      strerror(-result));
}

void publish_window(struct v2m_collector *collector, struct v2m_window *window)
{
	uint64_t ttl_ns = (uint64_t)collector->config->cache_ttl_s * 1000000000u;
	uint64_t expires_ns = v2m_clock_mono_ns() + ttl_ns;

	if (!ttl_ns)
		return;
	replace_window(collector, window, expires_ns);
	arm_window_timer(collector, expires_ns);
}

void publish_nothing(struct v2m_collector *collector)
{
	replace_window(collector, NULL, 0);
	sd_event_source_set_enabled(collector->window_timer, SD_EVENT_OFF);
}

/* Makes and renders the next window if anybody read the one that ends. */
static int renew_window(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_collector *collector = context;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *last = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *next = NULL;

	(void)timer;
	(void)due_us;
	pthread_mutex_lock(&collector->published.lock);
	if (collector->published.window && collector->published.used)
		last = v2m_window_ref(collector->published.window);
	pthread_mutex_unlock(&collector->published.lock);
	if (!last || collector_take_sample(collector) || collector_dump_connections(collector)) {
		publish_nothing(collector);
		return 0;
	}
	next = collector_make_window(collector);
	if (!next) {
		publish_nothing(collector);
		return 0;
	}
	v2m_window_warm(next, last);
	publish_window(collector, next);
	return 0;
}

int publish_init(struct v2m_collector *collector)
{
	int result = sd_event_add_time(collector->event, &collector->window_timer, CLOCK_MONOTONIC,
				       0, V2M_TIMER_ACCURACY_US, renew_window, collector);

	return result < 0 ? result
			  : sd_event_source_set_enabled(collector->window_timer, SD_EVENT_OFF);
}

void publish_condition(struct v2m_collector *collector)
{
	pthread_mutex_lock(&collector->published.lock);
	collector->published.condition = collector->condition;
	pthread_mutex_unlock(&collector->published.lock);
}

void published_health(struct v2m_collector *collector, struct v2m_health *health)
{
	struct condition condition;

	pthread_mutex_lock(&collector->published.lock);
	condition = collector->published.condition;
	pthread_mutex_unlock(&collector->published.lock);
	health->can_serve = !condition.counters_unreadable;
	health->reason = condition.counters_unreadable ? "counters_unreadable"
			 : condition.ledger_unwritable ? "ledger_unwritable"
			 : condition.keys_broken       ? "key_source_broken"
			 : condition.ebpf_unavailable  ? "ebpf_unavailable"
			 : condition.no_device         ? "no_device"
			 : condition.netns_unavailable ? "netns_unavailable"
			 : condition.device_refused    ? "device_refused"
			 : condition.too_many_ports    ? "too_many_ports"
						       : NULL;
}
