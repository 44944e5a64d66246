// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/check.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/format.h"
#include "base/cleanup.h"
#include "base/macros.h"
#include "base/text.h"
#include "base/trusted_dir.h"
#include "base/clock.h"
#include "keys/key_sources.h"
#include "keys/slot_rules.h"
#include "netlink/netns.h"
#include "paths/local_paths.h"
#include "paths/local_flows.h"
#include "sockets/local_udp.h"
#include "sockets/sockets.h"
#include "sockets/udp_senders.h"
#include "supply/live_supply.h"
#include "supply/proxy_watch.h"
#include "supply/source_reader.h"
#include "devices/links.h"

static int print_config(const struct v2m_config *config, struct v2m_error *error)
{
	V2M_FREE char *text = v2m_config_dump(config);

	if (!text)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	printf("Configuration\n%s\n", text);
	return 0;
}

/* A text of the operator's files, or of a device, as it can be shown on a terminal. Four of them
 * are good at the same time. */
static const char *plain(const char *text)
{
	static char buffers[4][1024];
	static unsigned next;
	char *buffer = buffers[next++ % V2M_ARRAY_LEN(buffers)];

	snprintf(buffer, sizeof(buffers[0]), "%.*s",
		 (int)v2m_utf8_cut(text, sizeof(buffers[0]) - 1), text);
	v2m_text_make_plain(buffer);
	return buffer;
}

static void print_key_sources(const struct v2m_source_report *report)
{
	puts("\nKey sources");
	for (size_t i = 0; i < report->count; i++) {
		const struct v2m_source_entry *source = &report->items[i];

		printf("  %-24s %5zu key%s  %s%s%s\n", source->kind ? source->kind : "unknown",
		       source->keys, source->keys == 1 ? " " : "s", plain(source->path),
		       source->error ? "\n    error: " : "",
		       source->error ? plain(source->error) : "");
	}
	if (report->count == 0)
		puts("  none found");
}

/* Where the proxies log, for users on shared ports. */
static void print_access_logs(const struct v2m_access_logs *logs)
{
	static const char *const meanings[V2M_N_ACCESS_LOG_KINDS] = {
		[V2M_ACCESS_LOG_FILE] = "",
		[V2M_ACCESS_LOG_OFF] = "none",
		[V2M_ACCESS_LOG_STDOUT] = "standard output, which cannot be followed",
		[V2M_ACCESS_LOG_RELATIVE] = ", which begins at a directory that is not known",
	};

	if (logs->count)
		puts("\nAccess logs of the proxies, which tell users of a shared port apart");
	for (size_t i = 0; i < logs->count; i++) {
		const struct v2m_access_log *log = &logs->items[i];

		printf("  %s: ", plain(log->source));
		printf("%s%s%s\n", log->path ? plain(log->path) : "", meanings[log->kind],
		       log->masked ? ", with blanked addresses, which tell nobody apart" : "");
	}
}

static void print_notes(const struct v2m_key_notes *notes)
{
	char text[V2M_KEY_NOTE_LEN];

	if (notes->count)
		puts("\nNotes on the key sources");
	for (size_t i = 0; i < notes->count; i++) {
		v2m_key_note_format(&notes->items[i], text);
		printf("  %-11s %s\n",
		       notes->items[i].kind == V2M_NOTE_MISSING ? "not counted" : "remark",
		       plain(text));
	}
	if (notes->n_more)
		printf("  and %zu more\n", notes->n_more);
}

/* The word that --check prints beside a span. */
static const char *describe_span(const struct v2m_keyset *keyset, const struct v2m_span *span)
{
	const struct v2m_slot *slot = v2m_slots_at(&keyset->slots, span->first_port,
						   span->transports & V2M_TCP ? V2M_TCP : V2M_UDP);

	if (slot->refused)
		return "refused";
	if (slot->behind)
		return "behind";
	if (slot->n_keys > 1)
		return "shared";
	return slot->loopback ? "lo" : "";
}

/* Prints no uuid: in V2Ray it is a credential, and others may see the screen. */
static void print_key(const struct v2m_keyset *keyset, const struct v2m_key *key)
{
	if (!key->n_spans)
		printf("  %11s  %-4s %-8s %-7s %s (%s), from %s\n", "-",
		       v2m_format_transports(key->transports),
		       key->is_active ? "active" : "inactive", "no port", plain(key->name),
		       plain(key->id), plain(key->source));
	for (size_t i = 0; i < key->n_spans; i++) {
		const struct v2m_span *span = &key->spans[i];
		char ports[V2M_SPAN_TEXT_LEN];

		v2m_span_format(span->first_port, span->last_port, ports);
		printf("  %11s  %-4s %-8s %-7s %s (%s), from %s\n", ports,
		       v2m_format_transports(span->transports),
		       key->is_active ? "active" : "inactive", describe_span(keyset, span),
		       plain(key->name), plain(key->id), plain(key->source));
	}
}

static void print_keys(const struct v2m_keyset *keyset)
{
	printf("\nKeys: %zu on %zu port%s\n", keyset->n_keys, keyset->slots.count,
	       keyset->slots.count == 1 ? " or range" : "s and ranges");
	for (size_t i = 0; i < keyset->n_keys; i++)
		print_key(keyset, &keyset->keys[i]);
}

static void print_device(const struct v2m_listed_link *device)
{
	const struct v2m_link_choice *choice = &device->choice;

	printf("  %-15s %-11s %s%s\n", plain(device->link.name),
	       choice->chosen ? "counted on" : "left out", choice->reason,
	       choice->chosen && choice->host_only ? ", this host's own packets only" : "");
}

static int print_devices(const struct v2m_config *config, const struct v2m_keyset *keyset,
			 struct v2m_error *error)
{
	V2M_FREE struct v2m_listed_link *devices = NULL;
	struct v2m_links *links;
	size_t count = 0;
	int result = v2m_links_open(&links, error);

	if (result)
		return result;
	result = v2m_links_list(links, &config->interfaces, &config->exclude_interfaces,
				v2m_keyset_wants_loopback(keyset), &devices, &count, error);
	v2m_links_close(links);
	if (result)
		return result;
	puts("\nDevices");
	for (size_t i = 0; i < count; i++)
		print_device(&devices[i]);
	/* Not an error, since the device may appear later. Mostly the name is misspelt. */
	for (size_t i = 0; i < config->interfaces.count; i++)
		if (!v2m_links_match(config->interfaces.items[i], devices, count))
			printf("  %-15s %-11s no device matches this entry of interfaces\n",
			       config->interfaces.items[i], "not there");
	return 0;
}

/* Connections from this host itself to a slot that is not counted on the loopback device. Returns
 * whether there are any. */
static bool print_path(const struct v2m_slot *slot, const struct v2m_connection_table *table)
{
	char ports[V2M_SPAN_TEXT_LEN];
	uint64_t bytes = 0;
	size_t local = 0;
	size_t count = 0;
	const struct v2m_connection *connections =
		v2m_connection_table_slot(table, slot->first_port, &count);

	if (slot->loopback || slot->behind || slot->refused || !(slot->transports & V2M_TCP))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!v2m_connection_is_local(&connections[i]))
			continue;
		local++;
		bytes += connections[i].rx_bytes + connections[i].tx_bytes;
	}
	if (!local)
		return false;
	v2m_span_format(slot->first_port, slot->last_port, ports);
	printf("  %11s  %zu connections from this host itself, over lo, where the port is not "
	       "counted: %" PRIu64 " bytes\n",
	       ports, local, bytes);
	return true;
}

/* UDP sockets of this host itself that send to a slot. The kernel does not tell how much. */
static bool print_senders(const struct v2m_slot *slot, const struct v2m_udp_senders *senders)
{
	char ports[V2M_SPAN_TEXT_LEN];
	size_t count = 0;

	for (size_t i = 0; i < senders->count; i++)
		count += senders->items[i].slot_port == slot->first_port;
	if (!count || !(slot->transports & V2M_UDP))
		return false;
	v2m_span_format(slot->first_port, slot->last_port, ports);
	printf("  %11s  %zu UDP socket%s of this host itself send%s to it, over lo, where the port "
	       "is not counted\n",
	       ports, count, count == 1 ? "" : "s", count == 1 ? "s" : "");
	return true;
}

static bool have_udp(const struct v2m_port_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].transports & V2M_UDP && !rules[i].loopback)
			return true;
	return false;
}

/* Ports that get UDP over the loopback device within a second. If that cannot be seen, those that
 * connection tracking shows. */
static void find_local_udp(const struct v2m_port_rule *rules, size_t count,
			   struct v2m_local_flows *flows)
{
	struct v2m_local_udp *udp = have_udp(rules, count) ? v2m_local_udp_open() : NULL;
	bool seen = v2m_local_udp_read(udp, rules, count, v2m_netns_own(), &flows->found) == 0;

	if (seen) {
		sleep(1);
		v2m_local_udp_read(udp, rules, count, v2m_netns_own(), &flows->found);
	} else {
		v2m_local_flows_look(flows, rules, count);
	}
	v2m_local_udp_close(udp);
}

/* Prints open connections whose bytes nothing counts. They may be many minutes old, or the daemon
 * may find others later, so this is no error. */
static void print_paths(const struct v2m_config *config, const struct v2m_keyset *keyset)
{
	V2M_FREE struct v2m_port_rule *rules = NULL;
	struct v2m_connection_table *table = NULL;
	struct v2m_error error = { 0 };
	V2M_CLEANUP(v2m_udp_senders_clear) struct v2m_udp_senders senders = { 0 };
	V2M_CLEANUP(v2m_local_flows_clear) struct v2m_local_flows flows = { 0 };
	struct v2m_sockets *sockets = NULL;
	bool found = false;
	size_t count;

	/* The sockets of another namespace are not read here. */
	if (config->netns || v2m_sockets_open(&sockets, &error))
		return;
	v2m_sockets_want_details(sockets, true);
	rules = v2m_slot_rules_make(keyset, &count);
	if (rules && v2m_sockets_dump(sockets, rules, count, &table, &error) == 0) {
		puts("\nPaths that are not counted");
		find_local_udp(rules, count, &flows);
		if (v2m_udp_senders_read(&senders, rules, count, &flows.found, 0))
			puts("  UDP sockets of this host cannot be listed");
		for (size_t i = 0; i < keyset->slots.count; i++) {
			found = print_path(&keyset->slots.items[i], table) || found;
			found = print_senders(&keyset->slots.items[i], &senders) || found;
		}
		if (!found)
			puts("  none now");
		v2m_connection_table_unref(table);
	}
	v2m_sockets_close(sockets);
}

/* A directory that is missing is made at the start. A check by another user than root may not see
 * it. */
static int check_directory(const char *setting, const char *path, struct v2m_error *error)
{
	struct v2m_error found = { 0 };
	int result = v2m_trusted_dir_check(setting, path, &found);

	if (!result || found.failure != V2M_FAILURE_CONFIGURATION)
		return 0;
	*error = found;
	return result;
}

/* In a process with the same limits as that of the daemon. */
static int read_sources(const struct v2m_strings *sources, const struct v2m_strings *found,
			const struct v2m_live_sources *live, struct v2m_gathered *gathered,
			struct v2m_error *error)
{
	V2M_CLEANUP(v2m_reading_outcome_clear)
	struct v2m_reading_outcome outcome = { .inotify_fd = -1 };
	struct v2m_source_reader *reader;
	int result = v2m_source_reader_open(V2M_READING_ARGUMENT, V2M_READING_DEADLINE_MS, &reader,
					    error);

	if (result)
		return result;
	result = v2m_source_reader_start(reader, sources, found, live, false, error);
	if (!result && !v2m_source_reader_wait(reader, INT_MAX, -1, &outcome))
		result = v2m_error_set(error, -EIO, "the reading process says nothing");
	v2m_source_reader_close(reader);
	if (!result && outcome.result) {
		*error = outcome.error;
		result = outcome.result;
	}
	if (result)
		return result;
	*gathered = outcome.reading.gathered;
	outcome.reading.gathered = (struct v2m_gathered){ 0 };
	return 0;
}

/* What is known of running proxies. */
struct proxies {
	struct v2m_live_supply *apis;
	struct v2m_proxy_watch *watch;
};

/* is_last: all sockets of running proxies have been tried. */
static int gather_once(const struct v2m_config *config, const struct proxies *proxies, bool is_last,
		       struct v2m_gathered *gathered, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_live_sources_clear) struct v2m_live_sources live = { 0 };
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings found = { 0 };
	int result = v2m_live_supply_collect(proxies->apis, true, &live);

	if (!result)
		result = v2m_proxy_watch_sources(proxies->watch, proxies->apis, &found);
	if (result)
		return v2m_error_set(error, result, "out of memory");
	v2m_gathered_clear(gathered);
	result = read_sources(&config->key_sources, &found, &live, gathered, error);
	if (!result)
		v2m_proxy_watch_add_notes(proxies->watch, proxies->apis, is_last, gathered);
	return result;
}

/* Reads the key sources, and again if they name the API of a proxy, or one is found. */
static int gather(const struct v2m_config *config, const struct proxies *proxies,
		  struct v2m_gathered *gathered, struct v2m_error *error)
{
	int result = gather_once(config, proxies, false, gathered, error);
	int learned = result ? 0 : v2m_live_supply_learn(proxies->apis, &gathered->apis);

	if (learned > 0)
		result = gather_once(config, proxies, false, gathered, error);
	if (result || learned < 0)
		return result ? result : v2m_error_set(error, learned, "out of memory");
	v2m_proxy_watch_note_ports(proxies->watch, gathered);
	v2m_proxy_watch_try(proxies->watch, proxies->apis);
	return gather_once(config, proxies, true, gathered, error);
}

/* Reads the key sources as the daemon does. */
static int load_keys(const struct v2m_config *config, struct v2m_keyset **keyset,
		     struct v2m_source_report *report, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	const struct v2m_source_options options = { .now_us = v2m_clock_real_us() };
	struct proxies proxies = { 0 };
	int result = v2m_live_supply_open(&V2M_LIVE_OPTIONS, &config->key_sources, &proxies.apis);

	if (!result)
		result = v2m_proxy_watch_open(v2m_sources_have_auto(&config->key_sources),
					      &proxies.watch);
	if (result)
		v2m_error_set(error, result, "the key sources cannot be read: %s",
			      strerror(-result));
	else
		result = gather(config, &proxies, &gathered, error);
	v2m_proxy_watch_close(proxies.watch);
	v2m_live_supply_close(proxies.apis);
	return result ? result : v2m_key_sources_join(&gathered, &options, keyset, report, error);
}

int v2m_check(const struct v2m_config *config, bool *incomplete, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_source_report_clear) struct v2m_source_report report = { 0 };
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *keyset = NULL;
	struct v2m_error devices_error = { 0 };
	int result = print_config(config, error);
	int devices_result;

	if (!result)
		result = check_directory("state_dir", config->state_dir, error);
	if (!result)
		result = check_directory("pin_dir", config->pin_dir, error);
	if (result)
		return result;
	result = load_keys(config, &keyset, &report, error);
	print_key_sources(&report);
	print_access_logs(&report.access_logs);
	print_notes(&report.notes);
	*incomplete = report.notes.n_missing > 0;
	if (!result)
		print_keys(keyset);
	if (!result && report.refused_ports)
		result = v2m_error_set(error, -EINVAL,
				       "%zu ports or ranges cannot be counted, because at most %d "
				       "can be: --check marks them as refused",
				       report.refused_ports, V2M_MAX_SLOTS);
	devices_result = print_devices(config, keyset, &devices_error);
	if (!result)
		print_paths(config, keyset);
	if (!result && devices_result) {
		*error = devices_error;
		result = devices_result;
	}
	return result;
}
