// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Putting a key set in force without losing or doubling a byte: first the kernel counts the new
 * ports, then a sample, in which the ports that were taken out are there a last time, is accounted
 * to the old owners, then the new ones take over.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "collector/internal.h"
#include "keys/key_memory.h"
#include "base/log.h"
#include "base/string_list.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* All sources are read for the one that fails: first after this time, then after twice that, ... */
#define REREAD_MIN_NS (5 * UINT64_C(1000000000))
#define REREAD_MAX_NS (64 * REREAD_MIN_NS)

/* Returns how many ports could not be placed, or -errno. Can be done again after a failure, which
 * may have left the kernel with some or all of the new ports. */
static int switch_keyset(struct v2m_collector *collector, struct v2m_keyset *next,
			 struct v2m_error *error)
{
	int refused = source_set_keyset(collector, next, error);

	if (refused < 0)
		return refused;
	/* What was counted until here belongs to the old owners. */
	if ((collector->datapath || collector->stats) && collector_take_sample(collector))
		return v2m_error_set(error, -EIO, "the counters cannot be read");
	/* Not before: what the kernel knows of connections to ports that leave would be gone, and a
	 * set that waits is tried at every tick. */
	connections_set_keyset(collector, next);
	curves_change_owners(collector, next);
	v2m_keyset_unref(collector->keyset);
	collector->keyset = v2m_keyset_ref(next);
	return refused;
}

/* Those that the sources refused are in the log already. */
static void set_too_many(struct v2m_collector *collector, int refused)
{
	if (refused)
		v2m_log_error("%d ports are not counted: at most %d can be", refused,
			      V2M_MAX_PORTS);
	collector->condition.too_many_ports = refused || collector->sources.refused_ports;
}

void collector_watch_keys(struct v2m_collector *collector)
{
	struct v2m_strings paths = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_source_watch_open(&collector->watch, &error);

	if (!result)
		result = v2m_key_sources_paths(&collector->config->key_sources, NULL, &paths);
	if (!result)
		result = v2m_source_watch_set(collector->watch, &paths, &error);
	if (result)
		v2m_log_warning(
			"some key sources are read on SIGHUP only: they cannot be watched: %s",
			*error.text ? error.text : strerror(-result));
	v2m_strings_clear(&paths);
}

static int64_t first_seen_us(void *context, const char *subject)
{
	const struct v2m_collector *collector = context;
	const struct v2m_subject *known = v2m_account_subject(collector->account, subject);

	return known ? known->first_seen_us : 0;
}

static int read_sources(struct v2m_collector *collector, struct v2m_keyset **keyset,
			struct v2m_error *error)
{
	struct v2m_source_options options = {
		.previous = collector->keyset,
		.first_seen_us = first_seen_us,
		.context = collector,
		.now_us = v2m_clock_real_us(),
	};
	int result;

	v2m_log_begin(&collector->said.sources);
	result = v2m_key_sources_load(&collector->config->key_sources, &options, keyset,
				      &collector->sources, error);
	v2m_log_end();
	return result;
}

static void memory_path(const struct v2m_collector *collector, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" V2M_KEY_MEMORY_NAME, collector->config->state_dir);
}

static void remember(struct v2m_collector *collector)
{
	bool again = collector->unremembered;
	struct v2m_error error = { 0 };
	char path[PATH_MAX];

	memory_path(collector, path);
	collector->unremembered = v2m_key_memory_store(path, collector->keyset, &error) != 0;
	if (collector->unremembered && !again)
		v2m_log_warning("a start with broken key sources would not know these keys: %s",
				error.text);
	if (!collector->unremembered && again)
		v2m_log_info("a start with broken key sources would know these keys again");
}

void collector_remember_keys(struct v2m_collector *collector)
{
	if (collector->unremembered)
		remember(collector);
}

static void renew_devices(struct v2m_collector *collector)
{
	collector_update_devices(collector);
	source_check_devices(collector);
	collector_adopt_previous(collector);
	collector_take_sample(collector);
}

static void put_in_force(struct v2m_collector *collector, int refused)
{
	size_t n_keys = collector->keyset->n_keys;
	size_t n_ports = collector->keyset->n_ports;

	set_too_many(collector, refused);
	v2m_log_info("%zu key%s on %zu port%s", n_keys, n_keys == 1 ? "" : "s", n_ports,
		     n_ports == 1 ? "" : "s");
	renew_devices(collector);
	publish_nothing(collector);
}

static int take_over(struct v2m_collector *collector, struct v2m_keyset *next,
		     struct v2m_error *error)
{
	int refused = switch_keyset(collector, next, error);

	v2m_keyset_unref(V2M_TAKE(collector->waiting));
	if (refused < 0) {
		collector->waiting = v2m_keyset_ref(next);
		collector->waiting_error = *error;
		return refused;
	}
	put_in_force(collector, refused);
	remember(collector);
	return 0;
}

static void set_broken(struct v2m_collector *collector, bool broken)
{
	collector->condition.keys_broken = broken;
	publish_condition(collector);
}

static void say_kept(struct v2m_collector *collector, const char *why)
{
	if (collector_is_news(&collector->said.keys, why))
		v2m_log_error("the keys stay as they were: %s", why);
}

void collector_retry_keys(struct v2m_collector *collector)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *next = NULL;
	struct v2m_error error = { 0 };

	if (!collector->waiting)
		return;
	next = v2m_keyset_ref(collector->waiting);
	if (take_over(collector, next, &error)) {
		say_kept(collector, error.text);
		return;
	}
	collector->said.keys.text[0] = 0;
	set_broken(collector, collector->sources_result != 0);
}

/* A source that was touched and tells the same is no change of the key set: the window goes on. A
 * panel may write to its database all the time. */
static int load_keys(struct v2m_collector *collector, bool first, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *next = NULL;
	int result = read_sources(collector, &next, error);

	collector->sources_result = result;
	if (result)
		collector->sources_error = *error;
	collector->sources_read_ns = v2m_clock_mono_ns();
	if (!result && (first || collector->waiting || !v2m_keyset_equal(collector->keyset, next)))
		result = take_over(collector, next, error);
	else if (!result)
		renew_devices(collector);
	if (!result && collector->condition.keys_broken)
		v2m_log_info("the key sources can be read again");
	if (!result) {
		collector->said.keys.text[0] = 0;
		collector->reread_ns = REREAD_MIN_NS;
	}
	set_broken(collector, result != 0);
	return result;
}

void collector_load_keys(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	collector->reread_ns = REREAD_MIN_NS;
	if (load_keys(collector, false, &error))
		say_kept(collector, error.text);
}

void collector_reread_keys(struct v2m_collector *collector)
{
	struct v2m_error error = { 0 };

	/* What is wrong in them (EINVAL) is put right by a change, and the watch tells of that. */
	if (!collector->sources_result || collector->sources_result == -EINVAL ||
	    v2m_clock_mono_ns() - collector->sources_read_ns < collector->reread_ns)
		return;
	if (collector->reread_ns < REREAD_MAX_NS)
		collector->reread_ns *= 2;
	if (load_keys(collector, false, &error))
		say_kept(collector, error.text);
}

/* Why there are no keys to begin with. The operator is asked only where what he wrote is wrong: to
 * ask him (EINVAL, EBUSY: see main) keeps a service down that a second start would have helped. */
static int refusal_of(const struct v2m_collector *collector, int result)
{
	if (collector->sources_result == -EINVAL || collector->sources_result == -ENOENT)
		return -EINVAL;
	return result == -EINVAL || result == -EBUSY ? -EAGAIN : result;
}

int collector_start_keys(struct v2m_collector *collector, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *last = NULL;
	struct v2m_error memory_error = { 0 };
	char path[PATH_MAX];
	int refused;
	int result;

	collector->reread_ns = REREAD_MIN_NS;
	memory_path(collector, path);
	result = v2m_key_memory_load(path, &last, &memory_error);
	if (result && result != -ENOENT)
		v2m_log_warning("the last good keys cannot be read: %s", memory_error.text);
	if (result)
		return refusal_of(collector, load_keys(collector, true, error));
	/* What the kernel counted while nobody looked belongs to the keys of that time. */
	refused = switch_keyset(collector, last, error);
	if (refused < 0)
		return refusal_of(collector, refused);
	collector_take_sample(collector);
	result = load_keys(collector, true, error);
	if (!result)
		return 0;
	if (collector_is_news(&collector->said.keys, error->text))
		v2m_log_error("going on with the last good keys: %s", error->text);
	put_in_force(collector, refused);
	return 0;
}

enum v2m_verdict collector_find_key(const struct v2m_collector *collector, const char *id_or_uuid,
				    const struct v2m_key **key)
{
	const struct v2m_key_port *port;

	*key = v2m_keyset_find(collector->keyset, id_or_uuid);
	if (!*key)
		return V2M_KEY_NOT_FOUND;
	port = (*key)->port ? v2m_keyset_port(collector->keyset, (*key)->port) : NULL;
	if (port && port->shared)
		return V2M_KEY_SHARES_PORT;
	return port && !collector_counts_port(collector, port) ? V2M_KEY_IS_UDP : V2M_OK;
}
