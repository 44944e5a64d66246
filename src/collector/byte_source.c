// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/byte_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/transport.h"
#include "collector/key_addresses.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/foreign.h"
#include "datapath/port_slots.h"
#include "datapath/previous.h"
#include "datapath/udp_peers.h"
#include "keys/slot_rules.h"
#include "paths/nat_chains.h"
#include "paths/masqueraded.h"
#include "paths/rule_watch.h"
#include "sockets/socket_stats.h"

/* A UDP peer is listed this long after the last datagram to it. */
#define UDP_PEER_NS (60 * UINT64_C(1000000000))
/* The status lists all. */
#define LOGGED_ALIASES 8

struct v2m_byte_source {
	sd_event *event;
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	struct v2m_socket_netns *netns;
	struct v2m_datapath *programs;  /* NULL: none */
	struct v2m_socket_stats *stats; /* NULL: none; if not NULL, they are the source */
	sd_event_source *closed_event;  /* sockets were closed; NULL: nobody tells */
	struct v2m_error reason;        /* why the source is not exact; "" if it is */
	struct v2m_news inexact_news;   /* about reason */
	struct v2m_published published;
	struct v2m_rule_watch *watch;
	struct v2m_masqueraded masqueraded;
	struct v2m_news masqueraded_news; /* why these are not known */
	struct v2m_news previous_news;    /* why counts of an earlier version are not taken over */
};

static int load_programs(const struct v2m_config *config, struct v2m_datapath **programs,
			 struct v2m_error *error)
{
	struct v2m_datapath_options options = { .pin_dir = config->pin_dir,
						.force_clsact = config->attach == V2M_ATTACH_CLSACT,
						.flows_max = config->shared_flows_max,
						.users_max = config->shared_users_max };

	return v2m_datapath_open(&options, programs, error);
}

static int take_closed(sd_event_source *event_source, int fd, uint32_t events, void *context)
{
	struct v2m_byte_source *source = context;
	int result = v2m_socket_stats_drain(source->stats);

	(void)event_source;
	(void)fd;
	(void)events;
	if (result)
		v2m_log_error("the last counters of closed sockets cannot be read: %s",
			      strerror(-result));
	return 0;
}

static void close_stats(struct v2m_byte_source *source)
{
	source->closed_event = sd_event_source_unref(source->closed_event);
	v2m_socket_stats_close(V2M_TAKE(source->stats));
}

static int run_open_stats(void *context)
{
	struct v2m_byte_source *source = context;
	struct v2m_error error = { 0 };
	int result = v2m_socket_stats_open(&source->stats, &error);

	if (result)
		v2m_log_error("bytes cannot be counted at all: %s", error.text);
	return result;
}

static int open_stats(struct v2m_byte_source *source)
{
	int result = v2m_socket_netns_run(source->netns, run_open_stats, source);
	int fd;

	if (result)
		return result;
	fd = v2m_socket_stats_event_fd(source->stats);
	if (fd >= 0 && sd_event_add_io(source->event, &source->closed_event, fd, EPOLLIN,
				       take_closed, source) < 0)
		v2m_log_warning(
			"closed sockets cannot be watched: their last bytes are read with the "
			"next sample");
	return 0;
}

void v2m_byte_source_fall_back(struct v2m_byte_source *source, const char *reason)
{
	v2m_datapath_close(V2M_TAKE(source->programs));
	if (v2m_news_differs(&source->inexact_news, reason))
		v2m_log_warning("bytes cannot be counted exactly: %s", reason);
	v2m_error_set(&source->reason, 0, "%s", reason);
	v2m_conditions_set(source->conditions, V2M_EBPF_UNAVAILABLE, reason);
	if (open_stats(source) == 0)
		v2m_log_warning("bytes are counted from the TCP sockets' own counters: not exact, "
				"and without UDP");
}

int v2m_byte_source_open(sd_event *event, const struct v2m_config *config,
			 struct v2m_conditions *conditions, struct v2m_socket_netns *netns,
			 struct v2m_byte_source **source, struct v2m_error *error)
{
	struct v2m_byte_source *made = calloc(1, sizeof(*made));
	struct v2m_error reason = { 0 };
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->event = event;
	made->config = config;
	made->conditions = conditions;
	made->netns = netns;
	made->watch = v2m_rule_watch_new();
	if (!made->watch) {
		v2m_byte_source_close(made);
		return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	result = load_programs(config, &made->programs, &reason);
	switch (v2m_failure_of(result)) {
	case V2M_FAILURE_CONFIGURATION:
	case V2M_FAILURE_BUSY:
	case V2M_FAILURE_PASSING:
		v2m_byte_source_close(made);
		return v2m_error_set(error, result, "%s", reason.text);
	default:
		break;
	}
	if (result)
		v2m_byte_source_fall_back(made, reason.text);
	*source = made;
	return 0;
}

void v2m_byte_source_close(struct v2m_byte_source *source)
{
	if (!source)
		return;
	v2m_datapath_close(source->programs);
	close_stats(source);
	v2m_published_clear(&source->published);
	v2m_rule_watch_free(source->watch);
	free(source);
}

bool v2m_byte_source_is_exact(const struct v2m_byte_source *source)
{
	return source->programs && !source->stats;
}

bool v2m_byte_source_counts(const struct v2m_byte_source *source)
{
	return source->programs || source->stats;
}

bool v2m_byte_source_counts_slot(const struct v2m_byte_source *source, const struct v2m_slot *slot)
{
	return !slot->refused && (v2m_byte_source_is_exact(source) || (slot->transports & V2M_TCP));
}

const char *v2m_byte_source_reason(const struct v2m_byte_source *source)
{
	return source->reason.text;
}

struct v2m_datapath *v2m_byte_source_programs(const struct v2m_byte_source *source)
{
	return source->programs;
}

static void report_aliases(struct v2m_byte_source *source, const struct v2m_published *found)
{
	static const char *const origins[V2M_N_ALIAS_ORIGINS] = {
		[V2M_ALIAS_CONFIGURED] = "port_aliases",
		[V2M_ALIAS_RULE] = "a NAT rule",
		[V2M_ALIAS_CONNTRACK] = "its connections show that",
	};
	const char *unknown = found->unknown.text;

	if (!v2m_published_equal(found, &source->published))
		for (size_t i = 0; i < found->aliases.count && i < LOGGED_ALIASES; i++)
			v2m_log_info(
				"port %u to %u is published for port %u (%s), and counts for it",
				found->aliases.items[i].first_port,
				found->aliases.items[i].last_port, found->aliases.items[i].target,
				origins[found->aliases.items[i].origin]);
	if (!*unknown)
		v2m_conditions_clear(source->conditions, V2M_ALIASES_UNKNOWN);
	else if (v2m_conditions_set(source->conditions, V2M_ALIASES_UNKNOWN, unknown))
		v2m_log_warning("%s", unknown);
}

/* Whether it matters who listens: connections have shown something, or a rule is about one family
 * or one address. */
static bool rules_are_open(const struct v2m_byte_source *source, const struct v2m_nat_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].families != V2M_NAT_BOTH || rules->items[i].addressed)
			return true;
	return v2m_rule_watch_tracked(source->watch)->count;
}

/* Finds out under which ports the ports of the key set are published. If memory is short, it stays
 * as it was. */
static void find_aliases(struct v2m_byte_source *source, const struct v2m_keyset *keyset)
{
	const struct v2m_alias_terms *terms = &source->config->port_aliases;
	V2M_CLEANUP(v2m_key_addresses_clear)
	struct v2m_key_addresses addresses = { .keyset = keyset };
	const struct v2m_published_scope scope =
		v2m_key_addresses_scope(&addresses, terms->set ? &terms->list : NULL);
	V2M_CLEANUP(v2m_nat_rules_clear) struct v2m_nat_rules rules = { 0 };
	struct v2m_published_reading read;
	struct v2m_published found;

	v2m_rule_watch_read(source->watch, &rules, &read);
	v2m_key_addresses_read(&addresses, source->netns, rules_are_open(source, &rules));
	if (v2m_published_make(&rules, read, v2m_rule_watch_tracked(source->watch), &scope,
			       &found) == 0 &&
	    v2m_datapath_set_aliases(source->programs, &found.aliases) == 0) {
		report_aliases(source, &found);
		v2m_published_clear(&source->published);
		source->published = found;
	} else {
		v2m_log_error("published ports are not looked for: out of memory");
		v2m_published_clear(&found);
	}
}

const struct v2m_port_aliases *v2m_byte_source_aliases(const struct v2m_byte_source *source)
{
	return &source->published.aliases;
}

int v2m_byte_source_rules_fd(const struct v2m_byte_source *source)
{
	return v2m_rule_watch_fd(source->watch);
}

bool v2m_byte_source_rules_are_due(struct v2m_byte_source *source)
{
	/* This also drains the descriptor, so it is called even if no programs count. */
	bool due = v2m_rule_watch_is_due(source->watch);

	return due && source->programs;
}

/* Connections of containers that are older than the ports, or than the programs. After a failure
 * they are looked for again. */
static void enter_masqueraded(struct v2m_byte_source *source, const struct v2m_port_rule *rules,
			      size_t count)
{
	struct v2m_foreign_flows flows = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_masqueraded_read(&source->masqueraded, rules, count,
					  &source->published.aliases, &flows);

	if (result) {
		v2m_error_set(&error, result,
			      "connections of containers that are open already count for the ports "
			      "that they have the number of, until their next packet leaves: %s",
			      strerror(-result));
	} else {
		result = v2m_foreign_add(source->programs, &flows, &error);
		source->masqueraded.missed = result != 0;
	}
	if (!result)
		v2m_news_forget(&source->masqueraded_news);
	else if (v2m_news_differs(&source->masqueraded_news, error.text))
		v2m_log_warning("%s", error.text);
	v2m_array_clear(&flows);
}

int v2m_byte_source_set_slots(struct v2m_byte_source *source, const struct v2m_keyset *keyset,
			      struct v2m_error *error)
{
	size_t count;
	V2M_FREE struct v2m_port_rule *rules = v2m_slot_rules_make(keyset, &count);
	int placed = (int)count;

	if (!rules)
		return v2m_error_set(error, -ENOMEM, "out of memory for %zu ports and ranges",
				     keyset->slots.count);
	if (source->programs)
		find_aliases(source, keyset);
	if (source->programs)
		placed = v2m_datapath_set_ports(source->programs, rules, count, error);
	if (placed >= 0 && source->programs)
		enter_masqueraded(source, rules, count);
	if (source->programs)
		v2m_rule_watch_was_used(source->watch, source->published.depends_on_listeners ||
							       source->masqueraded.missed);
	if (placed >= 0 && source->stats)
		placed = v2m_socket_stats_set_ports(source->stats, rules, count, error);
	return placed < 0 ? placed : (int)count - placed;
}

int v2m_byte_source_read(struct v2m_byte_source *source, struct v2m_sample *sample,
			 struct v2m_error *error)
{
	if (source->stats)
		return v2m_socket_stats_read(source->stats, sample, error);
	return v2m_byte_source_read_programs(source, sample, error);
}

int v2m_byte_source_read_programs(struct v2m_byte_source *source, struct v2m_sample *sample,
				  struct v2m_error *error)
{
	if (!source->programs)
		return v2m_error_set(error, -EOPNOTSUPP, "%s", source->reason.text);
	return v2m_datapath_read(source->programs, sample, error);
}

void v2m_byte_source_fill_peers(struct v2m_byte_source *source, struct v2m_connection_table *table)
{
	uint64_t since_ns = table->mono_ns > UDP_PEER_NS ? table->mono_ns - UDP_PEER_NS : 0;
	int result;

	if (!v2m_byte_source_is_exact(source))
		return;
	result = v2m_datapath_udp_peers(source->programs, since_ns, &table->peers, &table->n_peers);
	if (result)
		v2m_log_error("the UDP peers cannot be read: %s", strerror(-result));
}

/* 0 or -errno; -ENOENT: there is no earlier version any more. */
static int take_over_one(struct v2m_byte_source *source, v2m_byte_source_store store, void *context,
			 struct v2m_error *error)
{
	struct v2m_sample sample = { 0 };
	int result = v2m_datapath_read_previous(source->programs, &sample, error);

	if (!result)
		result = store(context, &sample, error);
	if (result)
		return result;
	if (v2m_datapath_drop_previous(source->programs))
		return v2m_error_set(error, -EIO, "its maps cannot be removed");
	return 0;
}

void v2m_byte_source_take_over_previous(struct v2m_byte_source *source, v2m_byte_source_store store,
					void *context)
{
	while (v2m_byte_source_is_exact(source)) {
		struct v2m_error error = { 0 };
		int result = take_over_one(source, store, context, &error);

		if (result == -ENOENT)
			return;
		if (result) {
			if (v2m_news_differs(&source->previous_news, error.text))
				v2m_log_error(
					"the counts of the previous version cannot be carried "
					"over and stay in the kernel: %s",
					error.text);
			return;
		}
		v2m_log_info("carried over the counts of the previous version");
	}
}

void v2m_byte_source_reopen_stats(struct v2m_byte_source *source)
{
	close_stats(source);
	open_stats(source);
}

int v2m_byte_source_load_programs(struct v2m_byte_source *source, struct v2m_error *error)
{
	return load_programs(source->config, &source->programs, error);
}

void v2m_byte_source_use_programs(struct v2m_byte_source *source)
{
	close_stats(source);
	v2m_conditions_clear(source->conditions, V2M_EBPF_UNAVAILABLE);
	source->reason.text[0] = 0;
	v2m_news_forget(&source->inexact_news);
	v2m_log_info("counting is exact again");
}

void v2m_byte_source_unload_programs(struct v2m_byte_source *source, const char *reason)
{
	v2m_datapath_close(V2M_TAKE(source->programs));
	v2m_error_set(&source->reason, 0, "%s", reason);
	v2m_conditions_set(source->conditions, V2M_EBPF_UNAVAILABLE, reason);
	if (v2m_news_differs(&source->inexact_news, reason))
		v2m_log_warning("bytes still cannot be counted exactly: %s", reason);
}

void v2m_byte_source_log_again(struct v2m_byte_source *source)
{
	v2m_news_forget(&source->inexact_news);
	v2m_news_forget(&source->previous_news);
}
