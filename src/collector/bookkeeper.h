/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the books: accounts samples and connections to keys, follows the rates, and stores the
 * account in the ledger. The key set is a parameter: the bookkeeper does not know which one is
 * active.
 */
#ifndef V2METER_COLLECTOR_BOOKKEEPER_H
#define V2METER_COLLECTOR_BOOKKEEPER_H

#include "accounting/account.h"
#include "accounting/cross_check.h"
#include "rates/rate_history.h"
#include "collector/health.h"
#include "config/config.h"

struct v2m_bookkeeper;
struct v2m_budget_view;
struct v2m_ledger;

/* Opens the ledger and loads the account from it. The configuration and the conditions must outlive
 * the bookkeeper. 0, or -errno with the reason in *error. */
int v2m_bookkeeper_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			struct v2m_bookkeeper **bookkeeper, struct v2m_error *error);
/* Does not store: v2m_bookkeeper_flush() does. Does nothing on NULL. */
void v2m_bookkeeper_close(struct v2m_bookkeeper *bookkeeper);

/* Accounts a sample of the byte source to the owners of its ports. Rates and rate history follow
 * it, and it becomes the last sample. Takes over what the sample holds. 0 or -errno as
 * v2m_account_apply(); nothing has changed then. */
int v2m_bookkeeper_add_sample(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
			      struct v2m_sample *sample);
/* Accounts counters that are not the byte source's, such as those of an earlier version. Takes over
 * what the sample holds. 0 or -errno. */
int v2m_bookkeeper_add_other(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
			     struct v2m_sample *sample);
/* As v2m_account_connections(), with the time of now. */
int v2m_bookkeeper_add_connections(struct v2m_bookkeeper *bookkeeper,
				   const struct v2m_keyset *keyset,
				   const struct v2m_connection_table *table,
				   const struct v2m_session_counts *counts);

/* Whether the ledger knows what the counters with this mark held when a ledger stored them last. If
 * not, the ledger was lost, or an old copy of it was put back. 0 or -errno. */
int v2m_bookkeeper_knows(const struct v2m_bookkeeper *bookkeeper,
			 const struct v2m_ledger_mark *mark, bool *knows, struct v2m_error *error);
/* Sets aside what the sample has beyond what the ledger knows: see v2m_account_set_aside(). The
 * same happens to the sessions that v2m_bookkeeper_add_connections() is told of next. Takes over
 * what the sample holds. 0 or -ENOMEM. */
int v2m_bookkeeper_set_aside(struct v2m_bookkeeper *bookkeeper, struct v2m_sample *sample);
/* Sets the condition ledger_lost for a day after something was set aside, and ledger_damaged for a
 * day after a damaged ledger could not be taken over whole. */
void v2m_bookkeeper_judge_losses(struct v2m_bookkeeper *bookkeeper);

/* As v2m_account_delivered() and v2m_account_owner_sessions(), with the time of now. */
int v2m_bookkeeper_add_delivered(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
				 const struct v2m_session_counts *counts);

/* As v2m_cross_check_uncounted(). */
const struct v2m_cross_bytes *v2m_bookkeeper_uncounted(const struct v2m_bookkeeper *bookkeeper,
						       uint32_t slot_number);
/* Whether a few seconds have passed since the last comparison, or, if it may wait, 30 s. */
bool v2m_bookkeeper_comparison_is_due(const struct v2m_bookkeeper *bookkeeper, bool may_wait);
/* Compares the last sample with what the sockets delivered, which was read before it. dropped: the
 * bytes that the queues of the devices have dropped in all. where() names the device that uncounted
 * connections of a slot seem to use; "": unknown. Sets or clears the conditions traffic_uncounted
 * and traffic_undelivered. */
void v2m_bookkeeper_compare(struct v2m_bookkeeper *bookkeeper,
			    const struct v2m_port_sessions *sessions, size_t n_sessions,
			    uint64_t dropped,
			    const char *(*where)(void *context, uint32_t slot_number),
			    void *context);

/* Before the key set changes from one to another: a new owner of a port must not see the rate
 * history of the port's last owner. */
void v2m_bookkeeper_change_owners(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *from,
				  const struct v2m_keyset *to);

/* Stores what the account has and the disk has not. 0 or -errno. Logs when stores begin to fail and
 * when they succeed again. */
int v2m_bookkeeper_flush(struct v2m_bookkeeper *bookkeeper);
/* Whether flush_interval_s has passed since the last flush, successful or not. */
bool v2m_bookkeeper_flush_is_due(const struct v2m_bookkeeper *bookkeeper);
/* Stores the budget if it has changed. A reset does not wait for it. */
void v2m_bookkeeper_store_budget(struct v2m_bookkeeper *bookkeeper);
/* Deletes the days and hours that the retention has passed. Failures are logged. */
void v2m_bookkeeper_expire(struct v2m_bookkeeper *bookkeeper);

/* The last sample of the byte source; zeros before the first one. */
const struct v2m_sample *v2m_bookkeeper_sample(const struct v2m_bookkeeper *bookkeeper);
/* The traffic that the provider bills, as v2m_budget_look(). */
void v2m_bookkeeper_budget(const struct v2m_bookkeeper *bookkeeper, struct v2m_budget_view *view);
/* For questions and resets, which store what they change. */
struct v2m_account *v2m_bookkeeper_account(const struct v2m_bookkeeper *bookkeeper);
struct v2m_ledger *v2m_bookkeeper_ledger(const struct v2m_bookkeeper *bookkeeper);
const struct v2m_rates *v2m_bookkeeper_rates(const struct v2m_bookkeeper *bookkeeper);
/* As v2m_rates_slot() and v2m_rate_history_slot(). */
double v2m_bookkeeper_rate(const struct v2m_bookkeeper *bookkeeper, uint32_t slot_number);
size_t v2m_bookkeeper_rate_history(const struct v2m_bookkeeper *bookkeeper, uint32_t slot_number,
				   struct v2m_rate_point *points, size_t max, int64_t *start_us);
/* As v2m_rate_history_owner(). */
size_t v2m_bookkeeper_rate_history_owner(const struct v2m_bookkeeper *bookkeeper, uint32_t owner,
					 struct v2m_rate_point *points, size_t max,
					 int64_t *start_us);

#endif
