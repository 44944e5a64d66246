/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where key sets come from: the key sources, which are watched, and the last good keys on disk. The
 * key supply knows which set is active and which one waits. It does not activate a set: its caller
 * does, and tells the outcome.
 */
#ifndef V2METER_COLLECTOR_KEY_SUPPLY_H
#define V2METER_COLLECTOR_KEY_SUPPLY_H

#include "accounting/account.h"
#include "collector/health.h"
#include "config/config.h"
#include "keys/keys.h"
#include "keys/source_report.h"
#include "supply/source_feed.h"
#include "keys/claims.h"

struct v2m_key_supply;

/* The active set is empty. The account says when a key was first seen. Configuration, conditions
 * and account must outlive the key supply. 0 or -errno. */
int v2m_key_supply_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			const struct v2m_account *account, struct v2m_key_supply **supply,
			struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_key_supply_close(struct v2m_key_supply *supply);

/* Has the sources read; v2m_key_supply_take() takes what was read. */
struct v2m_source_feed *v2m_key_supply_feed(const struct v2m_key_supply *supply);

/* Joins what was read to a new set, and watches the sources as they are now. If a source could not
 * be read, for a reason that may pass without a change of the source, another reading is due later.
 * 0 or -errno; *keyset is untouched then. */
int v2m_key_supply_take(struct v2m_key_supply *supply, struct v2m_keyset **keyset,
			struct v2m_error *error);
/* When the sources were read last, CLOCK_MONOTONIC in nanoseconds. */
uint64_t v2m_key_supply_read_ns(const struct v2m_key_supply *supply);
/* The ports and transports that the configurations name, for v2m_claims_look(). */
struct v2m_claims *v2m_key_supply_claims(struct v2m_key_supply *supply);
/* Whether the claims have to be compared with the sockets. Sets the time of the next look: after
 * five samples, because a proxy that starts opens its sockets one after the other. */
bool v2m_key_supply_look_is_due(struct v2m_key_supply *supply);
/* For each source, the result of the last reading. */
const struct v2m_source_report *v2m_key_supply_report(const struct v2m_key_supply *supply);

/* The active set; never NULL. */
struct v2m_keyset *v2m_key_supply_active(const struct v2m_key_supply *supply);
/* Makes a set the active one. It takes a reference of its own. */
void v2m_key_supply_set_active(struct v2m_key_supply *supply, struct v2m_keyset *keyset);

/* The set that could not be activated and will be tried again, or NULL. */
struct v2m_keyset *v2m_key_supply_waiting(const struct v2m_key_supply *supply);
/* Lets a set wait, and says why. It takes a reference of its own, and replaces one that waits. */
void v2m_key_supply_postpone(struct v2m_key_supply *supply, struct v2m_keyset *keyset,
			     const struct v2m_error *why);
/* No set waits any more. */
void v2m_key_supply_forget_waiting(struct v2m_key_supply *supply);

/* After v2m_key_supply_take(), and the activation if there was one. result: 0, or -errno of the one
 * that failed. */
void v2m_key_supply_conclude(struct v2m_key_supply *supply, int result);
/* After the set that waited was activated. */
void v2m_key_supply_conclude_waiting(struct v2m_key_supply *supply);
/* Logs why the active keys stay, once for each reason. */
void v2m_key_supply_log_kept(struct v2m_key_supply *supply, const char *why);
/* Logs at the start why the last good keys are used, in place of v2m_key_supply_log_kept(). */
void v2m_key_supply_log_last_good(struct v2m_key_supply *supply, const char *why);
/* Logs again what was logged once. */
void v2m_key_supply_log_again(struct v2m_key_supply *supply);
/* Why the daemon cannot start, after the first reading or activation failed with result. Returns
 * -EINVAL if a key source is wrong; otherwise another start may succeed. error->failure follows. */
int v2m_key_supply_refusal(const struct v2m_key_supply *supply, int result,
			   struct v2m_error *error);

/* Writes the active set to the disk as the last good keys. Failures are logged once. */
void v2m_key_supply_remember(struct v2m_key_supply *supply);
/* The same if the last attempt failed. */
void v2m_key_supply_remember_again(struct v2m_key_supply *supply);
/* Reads the last good keys. 0 or -errno, logged; -ENOENT, not logged: there are none. */
int v2m_key_supply_recall(const struct v2m_key_supply *supply, struct v2m_keyset **keyset);

#endif
