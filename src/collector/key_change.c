// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_change.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/connections.h"
#include "collector/health.h"
#include "collector/key_supply.h"
#include "collector/orphan_watch.h"
#include "collector/publisher.h"
#include "collector/sampling.h"
#include "collector/counting.h"

/* The start waits for the key sources that long. Then it goes on with the last good keys, and the
 * others follow. */
#define FIRST_WAIT_MS 3000

/* Joins the totals that an earlier version kept for each port of a key, and stores them. If memory
 * is short, the next sample joins them. If the ledger cannot be written, the next flush stores
 * them. */
static void join_aliases(struct v2m_parts *parts, const struct v2m_keyset *keyset)
{
	if (v2m_account_bind(v2m_bookkeeper_account(parts->bookkeeper), keyset,
			     v2m_clock_real_us()))
		return;
	v2m_bookkeeper_flush(parts->bookkeeper);
}

/* Returns how many ports could not be placed, or -errno. May be repeated after a failure, which may
 * have left the kernel with some or all of the new ports. */
static int switch_keyset(struct v2m_parts *parts, struct v2m_keyset *next, struct v2m_error *error)
{
	int refused = v2m_counting_set_ports(parts, next, error);
	int result;

	if (refused < 0)
		return refused;
	/* All bytes so far belong to the old owners. */
	if (v2m_byte_source_counts(parts->byte_source) && v2m_sampling_take(parts))
		return v2m_error_set(error, -EIO, "the counters cannot be read");
	result = v2m_attribution_begin_ports(parts->attribution,
					     v2m_byte_source_programs(parts->byte_source), error);
	if (result)
		return result;
	v2m_sampling_take_delivered(parts);
	v2m_sampling_dump_only(parts);
	/* After all that can fail: the kernel forgets the sessions of ports that leave, and a set
	 * that waits is tried at each tick. */
	v2m_connections_set_slots(parts->connections, next,
				  v2m_byte_source_programs(parts->byte_source));
	v2m_bookkeeper_change_owners(parts->bookkeeper, v2m_key_supply_active(parts->keys), next);
	v2m_key_supply_set_active(parts->keys, next);
	join_aliases(parts, next);
	return refused;
}

/* Ports that the sources refused are in the log already. */
static void note_refused(struct v2m_parts *parts, int refused)
{
	if (refused)
		v2m_log_error("%d ports are not counted: at most %d can be", refused,
			      V2M_MAX_SLOTS);
	if (refused || v2m_key_supply_report(parts->keys)->refused_ports)
		v2m_conditions_set(parts->conditions, V2M_TOO_MANY_PORTS, NULL);
	else
		v2m_conditions_clear(parts->conditions, V2M_TOO_MANY_PORTS);
}

/* After switch_keyset(): all that depends on the active set follows it. before is the set that was
 * active. */
static void follow_keyset(struct v2m_parts *parts, const struct v2m_keyset *before, int refused)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);

	note_refused(parts, refused);
	v2m_orphan_watch_report(parts, before);
	v2m_log_info("%zu key%s on %zu port%s", keyset->n_keys, keyset->n_keys == 1 ? "" : "s",
		     keyset->slots.count, keyset->slots.count == 1 ? "" : "s");
	v2m_counting_renew(parts);
	v2m_publisher_withdraw(parts->publisher);
}

static int activate(struct v2m_parts *parts, struct v2m_keyset *next, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_keyset_unrefp)
	struct v2m_keyset *before = v2m_keyset_ref(v2m_key_supply_active(parts->keys));
	int refused = switch_keyset(parts, next, error);

	if (refused < 0) {
		v2m_key_supply_postpone(parts->keys, next, error);
		return refused;
	}
	v2m_key_supply_forget_waiting(parts->keys);
	follow_keyset(parts, before, refused);
	v2m_key_supply_remember(parts->keys);
	return 0;
}

void v2m_key_change_retry(struct v2m_parts *parts)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *next = NULL;
	struct v2m_error error = { 0 };

	if (!v2m_key_supply_waiting(parts->keys))
		return;
	next = v2m_keyset_ref(v2m_key_supply_waiting(parts->keys));
	if (activate(parts, next, &error))
		v2m_key_supply_log_kept(parts->keys, error.text);
	else
		v2m_key_supply_conclude_waiting(parts->keys);
}

/* A source that was touched and says the same as before does not change the key set, and the window
 * stays active. A panel may write to its database all the time. */
static bool is_change(const struct v2m_parts *parts, const struct v2m_keyset *next)
{
	return v2m_key_supply_waiting(parts->keys) ||
	       !v2m_keyset_equal(v2m_key_supply_active(parts->keys), next);
}

static int take_keys(struct v2m_parts *parts, bool first, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *next = NULL;
	int result = v2m_key_supply_take(parts->keys, &next, error);

	if (!result && v2m_orphan_watch_find(parts, next))
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	if (!result && (first || is_change(parts, next)))
		result = activate(parts, next, error);
	else if (!result)
		v2m_counting_renew(parts);
	if (!result)
		v2m_counting_follow_logs(parts);
	v2m_key_supply_conclude(parts->keys, result);
	return result;
}

void v2m_key_change_take(struct v2m_parts *parts)
{
	struct v2m_error error = { 0 };

	if (take_keys(parts, false, &error))
		v2m_key_supply_log_kept(parts->keys, error.text);
}

void v2m_key_change_load(struct v2m_parts *parts)
{
	v2m_source_feed_reset_pace(v2m_key_supply_feed(parts->keys));
	v2m_source_feed_request(v2m_key_supply_feed(parts->keys));
}

void v2m_key_change_follow_sockets(struct v2m_parts *parts)
{
	if (!v2m_source_feed_is_reading(v2m_key_supply_feed(parts->keys)) &&
	    (v2m_orphan_watch_has_ended(parts) || v2m_orphan_watch_claims_changed(parts)))
		v2m_source_feed_request(v2m_key_supply_feed(parts->keys));
}

/* Readable when the daemon is told to end. The signal stays pending for the event loop. */
static int open_stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

static bool is_readable(int fd)
{
	struct pollfd stop = { .fd = fd, .events = POLLIN };

	return poll(&stop, 1, 0) == 1;
}

/* Nothing is counted yet, so this thread waits. 0: the reading has ended. -EAGAIN: it has not, and
 * is in progress. -ECANCELED: the daemon is told to end. */
static int wait_for_reading(struct v2m_parts *parts, int timeout_ms, struct v2m_error *error)
{
	struct v2m_source_feed *feed = v2m_key_supply_feed(parts->keys);
	V2M_CLOSE int stop_fd = open_stop_signals();

	v2m_source_feed_request(feed);
	if (v2m_source_feed_wait(feed, timeout_ms, stop_fd))
		return 0;
	if (stop_fd >= 0 && is_readable(stop_fd))
		return v2m_error_set(error, -ECANCELED, "told to end before the keys were read");
	return v2m_error_set(error, -EAGAIN, "the key sources take long to read");
}

static int start_without_keys(struct v2m_parts *parts, struct v2m_error *error)
{
	int result = wait_for_reading(parts, V2M_READING_DEADLINE_MS + FIRST_WAIT_MS, error);

	if (!result)
		result = take_keys(parts, true, error);
	return result && result != -ECANCELED ? v2m_key_supply_refusal(parts->keys, result, error)
					      : result;
}

int v2m_key_change_start(struct v2m_parts *parts, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *last = NULL;
	int refused;
	int result;

	if (v2m_key_supply_recall(parts->keys, &last))
		return start_without_keys(parts, error);
	/* Bytes that the kernel counted while the daemon was down belong to the keys of that time.
	 */
	refused = switch_keyset(parts, last, error);
	if (refused < 0)
		return v2m_key_supply_refusal(parts->keys, refused, error);
	v2m_sampling_take(parts);
	v2m_sampling_take_delivered(parts);
	result = wait_for_reading(parts, FIRST_WAIT_MS, error);
	if (result == -ECANCELED)
		return result;
	if (!result)
		result = take_keys(parts, true, error);
	if (!result)
		return 0;
	v2m_key_supply_log_last_good(parts->keys, error->text);
	follow_keyset(parts, last, refused);
	return 0;
}
