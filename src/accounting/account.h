/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounting: turns raw counters into totals of keys. Pure: no clock, no file, no kernel; not
 * thread-safe, owned by the collector's thread. Days and hours are the local ones of the times that
 * are passed in.
 *
 * Bytes are counted for a subject: a key (named by its uuid in lower case), a slot that keys share
 * ("port:N"), or a slot behind another one ("behind:N"), see v2m_keyset_subject(). Totals belong to
 * subjects, raw readings to the kernel's slots. If a port goes from one key to another, each key
 * gets exactly the bytes of its own time, provided that the collector applies one last sample with
 * the old key set before it switches. A key with several slots also has a part for each of them.
 */
#ifndef V2METER_ACCOUNTING_ACCOUNT_H
#define V2METER_ACCOUNTING_ACCOUNT_H

#include "accounting/account_aside.h"
#include "accounting/account_binding.h"
#include "accounting/account_join.h"
#include "accounting/aliases.h"
#include "accounting/raw_port.h"
#include "accounting/snapshot.h"
#include "accounting/subject.h"
#include "accounting/totals.h"
#include "base/connection.h"
#include "base/sample.h"
#include "keys/keys.h"

struct v2m_account;

/* NULL: out of memory. */
struct v2m_account *v2m_account_new(void);
void v2m_account_free(struct v2m_account *account);

/* Put back what the ledger had stored, at the start. Subjects come before their parts and aliases.
 * The structures are copied. 0, -ENOMEM, -EEXIST, or -ENOENT if the subject of a part or an alias
 * is not known. */
int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject);
int v2m_account_restore_part(struct v2m_account *account, const char *subject,
			     const struct v2m_part *part);
int v2m_account_restore_alias(struct v2m_account *account, const char *name, const char *subject);
int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw);
int v2m_account_restore_overlap(struct v2m_account *account,
				const struct v2m_socket_overlap *overlap);
int v2m_account_restore_sessions(struct v2m_account *account,
				 const struct v2m_accounted_sessions *reading);

/* Accounts a sample to the owners of its slots. The TCP and the UDP bytes of an entry may belong to
 * different slots. If no slot of the key set has a transport of a port, these bytes and their raw
 * reading are left alone until a slot has it. Every new key gets a subject, with or without a port.
 * 0; -ENOMEM, and nothing was accounted: the next sample makes up for it; -ESTALE if mono_ns is
 * below that of the last sample, and nothing was accounted. */
int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample);

/* Accounts a dump of the connections, taken at real_us, to the owners of their slots: how many
 * there are, and how many were opened since the last dump. A key gets the sum over its slots.
 * opened: counters of the openings, ascending by port, whose last readings are kept. NULL: nobody
 * counts them, and the connections that the last dump did not have are taken; none after the first
 * dump, or after one with opened. 0; -ENOMEM, and nothing was accounted. */
int v2m_account_connections(struct v2m_account *account, const struct v2m_keyset *keyset,
			    const struct v2m_connection_table *table,
			    const struct v2m_port_sessions *opened, size_t n_opened,
			    int64_t real_us);

/* Accounts what connections have delivered, from readings ascending by port, taken at real_us, to
 * the owners of their slots. Readings of slots that are not in the key set are left alone. 0;
 * -ENOMEM, and nothing was accounted. */
int v2m_account_delivered(struct v2m_account *account, const struct v2m_keyset *keyset,
			  const struct v2m_port_sessions *readings, size_t n_readings,
			  int64_t real_us);

/* The subject with this name. NULL: it was never seen. */
const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id);
/* Whether all bytes of the key since its last reset are known, as v2m_snapshot_knows(). */
bool v2m_account_knows_bytes(const struct v2m_account *account, const struct v2m_keyset *keyset,
			     const struct v2m_key *key);
/* Allocates the slots, keys and shares of a snapshot and fills in what was counted. All other
 * members of the slots are zeros. The snapshot already has its key set, and the account is bound to
 * it. 0, or -ENOMEM with nothing allocated. */
int v2m_account_fill(const struct v2m_account *account, struct v2m_snapshot *snapshot);

/* Closes the period of a subject and of all its parts: *closed is what it held. *undo holds the old
 * baselines, for v2m_account_undo_reset() if the ledger could not store the reset.
 * v2m_reset_undo_clear() frees it in either case. Several resets are undone in reverse order. 0,
 * -ENOENT or -ENOMEM; *undo is untouched on failure. */
struct v2m_reset_undo {
	struct v2m_totals baseline;
	int64_t reset_us;
	struct v2m_part *parts;
	size_t n_parts;
};
int v2m_account_reset(struct v2m_account *account, const char *id, int64_t real_us,
		      struct v2m_totals *closed, struct v2m_reset_undo *undo);
void v2m_account_undo_reset(struct v2m_account *account, const char *id,
			    const struct v2m_reset_undo *undo);
void v2m_reset_undo_clear(struct v2m_reset_undo *undo);

/* Begins the history anew and forgets what is pending of it. *undo holds what there was, for
 * v2m_account_undo_history_reset() if the ledger could not store the reset.
 * v2m_history_undo_clear() frees it in either case. 0 or -ENOENT. */
struct v2m_history_undo {
	struct v2m_totals baseline;
	uint32_t max_connections;
	uint64_t sessions;
	struct v2m_pending pending;
};
int v2m_account_reset_history(struct v2m_account *account, const char *id,
			      struct v2m_history_undo *undo);
void v2m_account_undo_history_reset(struct v2m_account *account, const char *id,
				    struct v2m_history_undo *undo);
void v2m_history_undo_clear(struct v2m_history_undo *undo);

/* Adds what another ledger knew of a subject: totals, baselines and sessions are added, the
 * earliest first_seen_us, the latest other times and the larger max_connections are kept. Parts are
 * added to those of the same slots. *undo holds what there was; v2m_account_undo_clear() frees it.
 * 0 or -ENOMEM. */
struct v2m_account_undo {
	struct v2m_totals lifetime;
	struct v2m_totals baseline;
	struct v2m_totals history_baseline;
	uint32_t max_connections;
	uint64_t sessions;
	int64_t first_seen_us;
	int64_t last_activity_us;
	int64_t reset_us;
	struct v2m_part *parts;
	size_t n_parts;
};
int v2m_account_merge(struct v2m_account *account, const struct v2m_subject *more,
		      struct v2m_account_undo *undo);
/* A subject or part that the merge made stays, without figures. */
void v2m_account_undo_merge(struct v2m_account *account, const char *id,
			    const struct v2m_account_undo *undo);
void v2m_account_undo_clear(struct v2m_account_undo *undo);

/* Visit every subject with its parts, every alias, every reading and what is set aside, for the
 * ledger to store those
 * that are dirty. A visitor that returns non-zero ends the walk with that value. */
typedef int (*v2m_subject_visitor)(const struct v2m_subject *subject, void *context);
typedef int (*v2m_alias_visitor)(const struct v2m_alias *alias, void *context);
typedef int (*v2m_raw_visitor)(const struct v2m_raw_port *raw, void *context);
typedef int (*v2m_overlap_visitor)(const struct v2m_socket_overlap *overlap, void *context);
typedef int (*v2m_sessions_visitor)(const struct v2m_accounted_sessions *reading, void *context);
int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context);
int v2m_account_each_alias(const struct v2m_account *account, v2m_alias_visitor visit,
			   void *context);
int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context);
typedef int (*v2m_aside_visitor)(const struct v2m_aside *aside, void *context);
int v2m_account_each_aside(const struct v2m_account *account, v2m_aside_visitor visit,
			   void *context);
int v2m_account_each_overlap(const struct v2m_account *account, v2m_overlap_visitor visit,
			     void *context);
int v2m_account_each_sessions(const struct v2m_account *account, v2m_sessions_visitor visit,
			      void *context);
/* The ledger has stored everything: nothing is dirty or pending any more. */
void v2m_account_mark_stored(struct v2m_account *account);
/* The ledger has lost what it had: everything is dirty. */
void v2m_account_mark_lost(struct v2m_account *account);
bool v2m_account_is_dirty(const struct v2m_account *account);

#endif
