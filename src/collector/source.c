// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the counters come from: the kernel programs, else the sockets' own counters, else nowhere,
 * and then nothing is answered about bytes. Which it is, is decided at the start and at a reload.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "collector/internal.h"
#include "base/log.h"
#include "base/transport.h"
#include "base/cleanup.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/port_slots.h"

bool collector_is_exact(const struct v2m_collector *collector)
{
	return collector->datapath && !collector->stats;
}

bool v2m_collector_outlasts(const struct v2m_collector *collector)
{
	return collector_is_exact(collector);
}

bool collector_counts_port(const struct v2m_collector *collector, const struct v2m_key_port *port)
{
	return collector_is_exact(collector) || (port->transports & V2M_TCP);
}

/* What the operator has to change: another daemon, what he told us, or what he lets us have. */
static bool is_refusal(int result)
{
	return result == -EBUSY || result == -EINVAL || result == -ENAMETOOLONG ||
	       result == -EAGAIN || result == -ENOMEM || result == -EMFILE || result == -ENFILE;
}

static int open_datapath(struct v2m_collector *collector, struct v2m_datapath **datapath,
			 struct v2m_error *error)
{
	struct v2m_datapath_options options = { .pin_dir = collector->config->pin_dir,
						.force_clsact = collector->config->force_clsact };

	return v2m_datapath_open(&options, datapath, error);
}

static int take_closed(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_collector *collector = context;
	int result = v2m_socket_stats_drain(collector->stats);

	(void)source;
	(void)fd;
	(void)events;
	if (result)
		v2m_log_error("what closed sockets had counted cannot be read: %s",
			      strerror(-result));
	return 0;
}

static void close_stats(struct v2m_collector *collector)
{
	collector->closed_event = sd_event_source_unref(collector->closed_event);
	v2m_socket_stats_close(V2M_TAKE(collector->stats));
}

static int open_stats(void *context)
{
	struct v2m_collector *collector = context;
	struct v2m_error error = { 0 };
	int result = v2m_socket_stats_open(&collector->stats, &error);
	int fd;

	if (result) {
		v2m_log_error("bytes cannot be counted at all: %s", error.text);
		return result;
	}
	fd = v2m_socket_stats_event_fd(collector->stats);
	if (fd >= 0 && sd_event_add_io(collector->event, &collector->closed_event, fd, EPOLLIN,
				       take_closed, collector) < 0)
		v2m_log_warning("closed sockets are looked at with every reading only");
	return 0;
}

static void fall_back(struct v2m_collector *collector, const char *reason)
{
	if (collector_is_news(&collector->said.inexact, reason))
		v2m_log_warning("no exact counting: %s", reason);
	snprintf(collector->mode_reason, sizeof(collector->mode_reason), "%s", reason);
	collector->condition.ebpf_unavailable = true;
	if (netns_run(collector, open_stats, collector) == 0)
		v2m_log_warning("bytes are counted from the TCP sockets' own counters: not exact, "
				"and without UDP");
	publish_condition(collector);
	publish_nothing(collector);
}

/* Sockets of another namespace are others: their counters begin anew. */
void source_follow_netns(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	if (collector_is_exact(collector)) {
		connections_set_keyset(collector, collector->keyset);
		return;
	}
	if (collector->stats)
		collector_take_sample(collector);
	close_stats(collector);
	netns_run(collector, open_stats, collector);
	if (source_set_keyset(collector, collector->keyset, &error) < 0)
		v2m_log_error("%s", error.text);
}

int source_open(struct v2m_collector *collector, struct v2m_error *error)
{
	struct v2m_error reason = { 0 };
	int result = open_datapath(collector, &collector->datapath, &reason);

	if (result && is_refusal(result))
		return v2m_error_set(error, result, "%s", reason.text);
	if (result)
		fall_back(collector, reason.text);
	connections_count(collector);
	return 0;
}

void source_close(struct v2m_collector *collector)
{
	v2m_datapath_close(V2M_TAKE(collector->datapath));
	close_stats(collector);
}

static struct v2m_port_rule make_rule(const struct v2m_key_port *port)
{
	struct v2m_port_rule rule = {
		.port = port->port,
		.transports = port->transports,
		.loopback = port->loopback,
		.shared = port->shared,
	};

	return rule;
}

/* Accounts what the programs' maps hold; the sockets' counters stay the source. */
static int account_exact(struct v2m_collector *collector)
{
	struct v2m_sample sample = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_datapath_read(collector->datapath, &sample, &error);

	if (!result)
		result = v2m_account_apply(collector->account, collector->keyset, &sample);
	v2m_sample_clear(&sample);
	return result;
}

/* The last bytes of ports that have left are accounted before others get their places. */
static int set_ports(struct v2m_collector *collector, const struct v2m_port_rule *rules,
		     size_t count, struct v2m_error *error)
{
	int placed = v2m_datapath_set_ports(collector->datapath, rules, count, error);
	int result;

	if (placed != -EBUSY)
		return placed;
	result = collector->stats ? account_exact(collector) : collector_take_sample(collector);
	if (result)
		return v2m_error_set(error, result,
				     "the last bytes of ports that leave cannot be read: %s",
				     strerror(-result));
	return v2m_datapath_set_ports(collector->datapath, rules, count, error);
}

int source_set_keyset(struct v2m_collector *collector, const struct v2m_keyset *keyset,
		      struct v2m_error *error)
{
	V2M_FREE struct v2m_port_rule *rules = calloc(keyset->n_ports + 1, sizeof(*rules));
	int placed = (int)keyset->n_ports;

	if (!rules)
		return v2m_error_set(error, -ENOMEM, "out of memory for %zu ports",
				     keyset->n_ports);
	for (size_t i = 0; i < keyset->n_ports; i++)
		rules[i] = make_rule(&keyset->ports[i]);
	if (collector->datapath)
		placed = set_ports(collector, rules, keyset->n_ports, error);
	if (placed >= 0 && collector->stats)
		placed =
			v2m_socket_stats_set_ports(collector->stats, rules, keyset->n_ports, error);
	return placed < 0 ? placed : (int)keyset->n_ports - placed;
}

int source_read(struct v2m_collector *collector, struct v2m_sample *sample, struct v2m_error *error)
{
	if (collector->stats)
		return v2m_socket_stats_read(collector->stats, sample, error);
	if (collector->datapath)
		return v2m_datapath_read(collector->datapath, sample, error);
	return v2m_error_set(error, -EOPNOTSUPP, "%s", collector->mode_reason);
}

static bool refused_everywhere(const struct v2m_collector *collector)
{
	for (size_t i = 0; i < collector->n_devices; i++)
		if (!collector->devices[i].refused)
			return false;
	return collector->n_devices > 0;
}

/* For whatever reason, also one that may go: no program counts now. */
static bool failed_everywhere(const struct v2m_collector *collector)
{
	for (size_t i = 0; i < collector->n_devices; i++)
		if (!collector->devices[i].failed)
			return false;
	return collector->n_devices > 0;
}

void source_check_devices(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };
	char reason[V2M_MODE_REASON_LEN];

	if (!collector_is_exact(collector) || !refused_everywhere(collector))
		return;
	snprintf(reason, sizeof(reason), "%s", collector->attach_error.text);
	v2m_datapath_close(V2M_TAKE(collector->datapath));
	connections_count(collector);
	fall_back(collector, reason);
	if (source_set_keyset(collector, collector->keyset, &error) < 0)
		v2m_log_error("%s", error.text);
}

/*
 * No byte is lost or doubled by the change: what the sockets have counted since the programs' last
 * reading is known to the account, which takes from the maps only what goes beyond it. So the maps
 * are read once before the programs are attached, which settles the time before (they may have gone
 * on counting all along, pinned), and once when all is in place, right after the sockets' last
 * reading.
 */
static int change_to_exact(struct v2m_collector *collector, struct v2m_error *error)
{
	int result = source_set_keyset(collector, collector->keyset, error);

	if (result < 0)
		return result;
	result = collector_take_sample(collector);
	if (!result)
		result = account_exact(collector);
	if (result)
		return v2m_error_set(error, result, "the counters cannot be read: %s",
				     strerror(-result));
	collector_update_devices(collector);
	if (failed_everywhere(collector))
		return v2m_error_set(error, -EOPNOTSUPP, "%s", collector->attach_error.text);
	return collector_take_sample(collector);
}

static void stay(struct v2m_collector *collector, const char *reason)
{
	v2m_datapath_close(V2M_TAKE(collector->datapath));
	snprintf(collector->mode_reason, sizeof(collector->mode_reason), "%s", reason);
	if (collector_is_news(&collector->said.inexact, reason))
		v2m_log_warning("still no exact counting: %s", reason);
}

void source_retry(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	if (collector_is_exact(collector))
		return;
	if (open_datapath(collector, &collector->datapath, &error)) {
		stay(collector, error.text);
		return;
	}
	if (change_to_exact(collector, &error)) {
		stay(collector, error.text);
		return;
	}
	close_stats(collector);
	collector->condition.ebpf_unavailable = false;
	collector->mode_reason[0] = 0;
	collector->said.inexact.text[0] = 0;
	v2m_log_info("counting is exact again");
	connections_count(collector);
	connections_set_keyset(collector, collector->keyset);
	publish_condition(collector);
	publish_nothing(collector);
}
