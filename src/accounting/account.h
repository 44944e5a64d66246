/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounting: turns raw counters into totals of keys. Pure: no clock, no file, no kernel; not
 * thread-safe, owned by the collector's thread. Days and hours are the local ones of the times that
 * are passed in.
 *
 * A subject is whoever bytes are counted for: a key (by its uuid in lower case) or a shared port
 * ("port:N"), see v2m_keyset_subject(). Totals belong to subjects, raw readings to ports: a port
 * handed from one key to another gives each key exactly the bytes of its own time, provided that
 * the collector applies one last sample with the old key set before it switches.
 */
#ifndef V2METER_ACCOUNTING_ACCOUNT_H
#define V2METER_ACCOUNTING_ACCOUNT_H

#include "base/connection.h"
#include "base/sample.h"
#include "accounting/snapshot.h"
#include "keys/keys.h"
#include "accounting/raw_port.h"
#include "accounting/subject.h"
#include "accounting/totals.h"

struct v2m_account;

/* NULL: out of memory. */
struct v2m_account *v2m_account_new(void);
void v2m_account_free(struct v2m_account *account);

/* What the ledger had stored, at start. The structures are copied. 0, -ENOMEM or -EEXIST. */
int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject);
int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw);
int v2m_account_restore_overlap(struct v2m_account *account,
				const struct v2m_socket_overlap *overlap);
int v2m_account_restore_sessions(struct v2m_account *account,
				 const struct v2m_accounted_sessions *reading);

/* Accounts a sample to the owners of its ports. A port of the sample that the key set does not know
 * is left alone, its raw reading too. Keys seen for the first time get a subject, ports or not.
 * 0; -ENOMEM, and nothing was accounted, the next sample does it; -ESTALE for a sample whose
 * mono_ns is below that of the last one, and nothing was accounted. */
int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample);

/* Accounts a dump of the connections, taken at real_us, to the owners of their ports: how many
 * there are, and how many were opened since the last one. opened (ascending by port) says so where
 * somebody counts them, of which a last reading is kept as of bytes; NULL: those are taken that the
 * last dump did not have, and none where that one was not told apart: the first, and one with
 * opened. 0 or -ENOMEM, and nothing was accounted. */
int v2m_account_connections(struct v2m_account *account, const struct v2m_keyset *keyset,
			    const struct v2m_connection_table *table,
			    const struct v2m_port_sessions *opened, size_t n_opened,
			    int64_t real_us);

/* NULL: never seen. */
const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id);
struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject);
struct v2m_totals v2m_subject_history(const struct v2m_subject *subject);

/* Closes the period: *closed is what it held. The baseline it replaced goes to *undo, for
 * v2m_account_undo_reset() where the ledger could not store it. 0 or -ENOENT. */
struct v2m_reset_undo {
	struct v2m_totals baseline;
	int64_t reset_us;
};
int v2m_account_reset(struct v2m_account *account, const char *id, int64_t real_us,
		      struct v2m_totals *closed, struct v2m_reset_undo *undo);
void v2m_account_undo_reset(struct v2m_account *account, const char *id,
			    const struct v2m_reset_undo *undo);

/* Begins the history anew and forgets what of it is pending. What there was goes to *undo: to be
 * given back by v2m_account_undo_history_reset() where the ledger could not store it; in either
 * case to be freed by v2m_history_undo_clear(). 0 or -ENOENT. */
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

/* Adds what another ledger knew of a subject to what there is of it: totals, baselines and sessions
 * are sums, of times and connections the outermost stay. What there was goes to *undo. 0 or
 * -ENOMEM. */
struct v2m_account_undo {
	struct v2m_totals lifetime;
	struct v2m_totals baseline;
	struct v2m_totals history_baseline;
	uint32_t max_connections;
	uint64_t sessions;
	int64_t first_seen_us;
	int64_t last_activity_us;
	int64_t reset_us;
};
int v2m_account_merge(struct v2m_account *account, const struct v2m_subject *more,
		      struct v2m_account_undo *undo);
/* A subject that merging made stays, with nothing. */
void v2m_account_undo_merge(struct v2m_account *account, const char *id,
			    const struct v2m_account_undo *undo);

/* Every subject and raw reading, for the ledger to store those that are dirty; a visitor that
 * returns non-zero ends the walk with that value. */
typedef int (*v2m_subject_visitor)(const struct v2m_subject *subject, void *context);
typedef int (*v2m_raw_visitor)(const struct v2m_raw_port *raw, void *context);
typedef int (*v2m_overlap_visitor)(const struct v2m_socket_overlap *overlap, void *context);
typedef int (*v2m_sessions_visitor)(const struct v2m_accounted_sessions *reading, void *context);
int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context);
int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context);
int v2m_account_each_overlap(const struct v2m_account *account, v2m_overlap_visitor visit,
			     void *context);
int v2m_account_each_sessions(const struct v2m_account *account, v2m_sessions_visitor visit,
			      void *context);
/* The ledger has stored all there is: nothing is dirty or pending any more. */
void v2m_account_mark_stored(struct v2m_account *account);
/* The ledger has lost what it had: everything is dirty. */
void v2m_account_mark_lost(struct v2m_account *account);
bool v2m_account_is_dirty(const struct v2m_account *account);

#endif
