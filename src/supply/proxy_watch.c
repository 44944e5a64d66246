// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/proxy_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "discovery/proxy_find.h"

#define PROC "/proc"

/* How often it looks. A panel restarts the proxy now and then, often with another port. */
#define PERIOD_S 10
/* After the first reading. */
#define SOON_NS 100000000
/* How often it looks for sockets after a proxy has begun, and every how many times later. Then all
 * have been tried. */
#define LOOKS_FIRST 3
#define LOOKS_LATER 6

struct v2m_proxy_watch {
	int timer_fd;
	bool knows_ports;
	bool is_told_hidden;
	unsigned n_looks;         /* since a proxy began or ended */
	uint8_t ports[65536 / 8]; /* of keys */
	struct v2m_proxy_found found;
};

static void set_timer(const struct v2m_proxy_watch *watch, time_t s, long ns)
{
	const struct itimerspec timer = { .it_value = { s, ns }, .it_interval = { PERIOD_S, 0 } };

	timerfd_settime(watch->timer_fd, 0, &timer, NULL);
}

static bool same(const struct v2m_strings *a, const struct v2m_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void swap(struct v2m_proxy_found *a, struct v2m_proxy_found *b)
{
	struct v2m_proxy_found old = *a;

	*a = *b;
	*b = old;
}

static void tell_hidden(struct v2m_proxy_watch *watch)
{
	if (watch->found.n_hidden && !watch->is_told_hidden)
		v2m_log_info("the sockets of a running proxy cannot be seen without "
			     "CAP_SYS_PTRACE: its API is found by its configuration only");
	watch->is_told_hidden = watch->found.n_hidden != 0;
}

/* A proxy has a file for each connection, so its sockets are looked for when it has begun, and
 * seldom afterwards. */
static bool wants_sockets(struct v2m_proxy_watch *watch, uint64_t fingerprint)
{
	if (fingerprint != watch->found.fingerprint)
		watch->n_looks = 0;
	return watch->n_looks < LOOKS_FIRST || watch->n_looks % LOOKS_LATER == 0;
}

static bool has_other_foreign(const struct v2m_proxy_found *a, const struct v2m_proxy_found *b)
{
	return a->n_foreign != b->n_foreign ||
	       memcmp(a->foreign, b->foreign, sizeof(a->foreign)) != 0;
}

/* True: other configurations are found than before, or other proxies that are named. If memory runs
 * out, what was found stays. */
static bool look(struct v2m_proxy_watch *watch)
{
	V2M_CLEANUP(v2m_proxy_found_clear) struct v2m_proxy_found found = { 0 };
	struct v2m_proxy_found *old = &watch->found;
	bool is_new = false;

	if (v2m_proxy_find(PROC, false, &found))
		return false;
	if (wants_sockets(watch, found.fingerprint)) {
		v2m_proxy_found_clear(&found);
		found = (struct v2m_proxy_found){ 0 };
		if (v2m_proxy_find(PROC, true, &found))
			return false;
	} else {
		found.listeners = old->listeners;
		found.n_hidden = old->n_hidden;
		old->listeners = (struct v2m_proxy_listeners){ 0 };
	}
	watch->n_looks++;
	/* A proxy that is being restarted still has its configuration. */
	if (found.configs.count)
		is_new = !same(&found.configs, &old->configs);
	else {
		found.configs = old->configs;
		old->configs = (struct v2m_strings){ 0 };
	}
	is_new |= has_other_foreign(old, &found);
	swap(old, &found);
	tell_hidden(watch);
	return is_new;
}

int v2m_proxy_watch_open(bool wanted, struct v2m_proxy_watch **watch)
{
	struct v2m_proxy_watch *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (made->timer_fd < 0) {
		int result = -errno;

		free(made);
		return result;
	}
	if (wanted) {
		look(made);
		set_timer(made, PERIOD_S, 0);
	}
	*watch = made;
	return 0;
}

void v2m_proxy_watch_close(struct v2m_proxy_watch *watch)
{
	if (!watch)
		return;
	v2m_proxy_found_clear(&watch->found);
	close(watch->timer_fd);
	free(watch);
}

int v2m_proxy_watch_fd(const struct v2m_proxy_watch *watch)
{
	return watch->timer_fd;
}

bool v2m_proxy_watch_drain(struct v2m_proxy_watch *watch, struct v2m_live_supply *apis)
{
	uint64_t expirations;
	bool is_new;

	if (read(watch->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return false;
	is_new = look(watch);
	v2m_proxy_watch_try(watch, apis);
	/* What has not been found until now is named. */
	return is_new || (watch->n_looks == LOOKS_FIRST && watch->found.n_processes &&
			  !v2m_live_supply_has_answer(apis));
}

/* Counts the ranges that begin with each port, less those that ended before it: thousands of users
 * may share a large range. */
static void count_ranges(const struct v2m_key_list *keys, int32_t *begun)
{
	for (size_t i = 0; i < keys->count; i++)
		for (size_t j = 0; j < keys->items[i].n_spans; j++) {
			begun[keys->items[i].spans[j].first_port]++;
			begun[keys->items[i].spans[j].last_port + 1]--;
		}
}

void v2m_proxy_watch_note_ports(struct v2m_proxy_watch *watch, const struct v2m_gathered *gathered)
{
	V2M_FREE int32_t *begun = calloc(65536 + 1, sizeof(*begun));
	int32_t n_ranges = 0;

	if (!begun)
		return;
	count_ranges(&gathered->customers, begun);
	count_ranges(&gathered->clients, begun);
	count_ranges(&gathered->assignments, begun);
	memset(watch->ports, 0, sizeof(watch->ports));
	for (unsigned port = 0; port < 65536; port++) {
		n_ranges += begun[port];
		if (n_ranges)
			watch->ports[port / 8] |= (uint8_t)(1 << port % 8);
	}
	if (!watch->knows_ports && watch->found.n_processes)
		set_timer(watch, 0, SOON_NS);
	watch->knows_ports = true;
}

/* A unix socket has none. */
static unsigned port_of(const char *source)
{
	const char *colon = strrchr(source, ':');

	return strstr(source, "://") ? (unsigned)strtoul(colon + 1, NULL, 10) & 65535 : 0;
}

void v2m_proxy_watch_try(const struct v2m_proxy_watch *watch, struct v2m_live_supply *apis)
{
	const struct v2m_proxy_listeners *listeners = &watch->found.listeners;

	if (!watch->knows_ports)
		return;
	for (size_t i = 0; i < listeners->count; i++) {
		unsigned port = port_of(listeners->items[i].source);

		if (!(watch->ports[port / 8] >> port % 8 & 1))
			v2m_live_supply_try(apis, listeners->items[i].source,
					    listeners->items[i].inode);
	}
}

static void note_foreign(const struct v2m_proxy_found *found, enum v2m_note_kind kind,
			 struct v2m_key_notes *notes)
{
	char name[32];

	for (size_t i = 0; i < found->n_foreign && i < V2M_PROXY_FOREIGN_MAX; i++) {
		snprintf(name, sizeof(name), "process %d", found->foreign[i]);
		v2m_key_note_file(notes, kind, name,
				  "it is a running proxy in another network namespace, as in a "
				  "container with a network of its own: it is not asked for its "
				  "users. Name its configuration or the database of its panel in "
				  "key_sources, or give the container the network of the host");
	}
}

/* Its configuration came from the standard input, and its API has TLS or is none of the sockets
 * that are tried. */
static void note_unknown(const struct v2m_proxy_found *found, struct v2m_key_notes *notes)
{
	char name[32];

	snprintf(name, sizeof(name), "process %d", found->ours);
	v2m_key_note_file(notes, V2M_NOTE_MISSING, name,
			  "it is a running proxy whose users are not known: it names no "
			  "configuration file that may be read, and no socket of it on a loopback "
			  "address is an API that can be asked. Let its API listen without TLS on "
			  "a loopback address or a unix socket (that of Marzban-node has TLS), or "
			  "name its configuration or the database of its panel in key_sources");
}

/* A panel that has no users yet is a source too. */
static bool has_source(const struct v2m_gathered *gathered)
{
	for (size_t i = 0; i < gathered->sources.count; i++)
		if (!gathered->sources.items[i].result && !gathered->sources.items[i].absent)
			return true;
	return false;
}

void v2m_proxy_watch_add_notes(const struct v2m_proxy_watch *watch,
			       const struct v2m_live_supply *apis, bool is_last,
			       struct v2m_gathered *gathered)
{
	const struct v2m_proxy_listeners *listeners = &watch->found.listeners;
	enum v2m_note_kind kind = has_source(gathered) ? V2M_NOTE_REMARK : V2M_NOTE_MISSING;

	note_foreign(&watch->found, kind, &gathered->notes);
	if (kind == V2M_NOTE_MISSING && watch->found.ours && !v2m_live_supply_has_answer(apis) &&
	    (is_last || watch->n_looks >= LOOKS_FIRST))
		note_unknown(&watch->found, &gathered->notes);
	for (size_t i = 0; i < listeners->count; i++)
		if (v2m_live_supply_has_tls(apis, listeners->items[i].inode))
			v2m_key_note_file(&gathered->notes, kind, listeners->items[i].source,
					  "a running proxy listens there with TLS, so it cannot be "
					  "asked. If it is the proxy's API, let it listen without "
					  "TLS on a loopback address or a unix socket: Remnawave's "
					  "node does from 2.8.0 on");
}

int v2m_proxy_watch_sources(const struct v2m_proxy_watch *watch, const struct v2m_live_supply *apis,
			    struct v2m_strings *found)
{
	for (size_t i = 0; i < watch->found.configs.count; i++)
		if (v2m_strings_add(found, watch->found.configs.items[i]))
			return -ENOMEM;
	return v2m_live_supply_found(apis, found);
}
