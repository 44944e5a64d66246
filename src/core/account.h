/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounting: turns raw counters into totals of keys. Pure: no clock, no file, no kernel; not
 * thread-safe, owned by the collector's thread.
 *
 * A subject is whoever bytes are counted for: a key (by its uuid in lower case) or a shared port
 * ("port:N"), see v2m_keyset_subject(). Totals belong to subjects, raw readings to ports: a port
 * handed from one key to another gives each key exactly the bytes of its own time, provided that
 * the collector applies one last sample with the old key set before it switches.
 */
#ifndef V2METER_CORE_ACCOUNT_H
#define V2METER_CORE_ACCOUNT_H

#include "v2meter/sample.h"
#include "v2meter/snapshot.h"
#include "core/keys.h"

/* The last raw reading of a port that has been accounted, and of which counter it was. A reading of
 * the same counter adds the difference; a reading of another one (other epoch or other assigned_ns)
 * adds the whole, for our maps start at zero; a counter that goes backwards starts a new epoch. */
struct v2m_raw_port {
	uint8_t epoch[V2M_EPOCH_LEN];
	struct v2m_port_sample raw;
	bool dirty; /* differs from what the ledger has stored */
};

struct v2m_subject {
	char *id;
	struct v2m_totals lifetime;
	struct v2m_totals
		baseline;      /* lifetime at the last reset: since_reset = lifetime - baseline */
	int64_t first_seen_us; /* Unix microseconds */
	int64_t last_activity_us; /* 0: never */
	int64_t reset_us;         /* 0: never */
	bool dirty;
};

struct v2m_account;

/* NULL: out of memory. */
struct v2m_account *v2m_account_new(void);
void v2m_account_free(struct v2m_account *account);

/* What the ledger had stored, at start. The structures are copied. 0, -ENOMEM or -EEXIST. */
int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject);
int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw);

/* Accounts a sample to the owners of its ports. A port of the sample that the key set does not know
 * is left alone, its raw reading too. Keys seen for the first time get a subject, ports or not.
 * 0; -ENOMEM, and nothing was accounted, the next sample does it; -ESTALE for a sample whose
 * mono_ns is below that of the last one, and nothing was accounted. */
int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample);

/* NULL: never seen. */
const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id);
struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject);

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

/* Every subject and raw reading, for the ledger to store those that are dirty; a visitor that
 * returns non-zero ends the walk with that value. */
typedef int (*v2m_subject_visitor)(const struct v2m_subject *subject, void *context);
typedef int (*v2m_raw_visitor)(const struct v2m_raw_port *raw, void *context);
int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context);
int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context);
/* The ledger has stored all there is: nothing is dirty any more. */
void v2m_account_mark_stored(struct v2m_account *account);
bool v2m_account_is_dirty(const struct v2m_account *account);

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b);
struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b);

#endif
