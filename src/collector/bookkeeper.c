// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/bookkeeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account_owners.h"
#include "accounting/cross_check.h"
#include "rates/rates.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "budget/budget_keeper.h"
#include "ledger/ledger.h"

#define SECOND_NS UINT64_C(1000000000)
/* How long after a comparison the next one is due: 5 s, or 30 s if it may wait, and at least 20 of
 * them in a window. */
#define COMPARISON_NS        (5 * SECOND_NS)
#define COMPARISON_WAIT_NS   (30 * SECOND_NS)
#define COMPARISONS_AT_LEAST 20

struct v2m_bookkeeper {
	const struct v2m_config *config;
	struct v2m_conditions *conditions;
	struct v2m_ledger *ledger;
	struct v2m_account *account;
	struct v2m_rates *rates;
	struct v2m_rate_history *rate_history;
	struct v2m_budget_keeper *budget;
	struct v2m_sample sample; /* the last one */
	struct v2m_cross_check *cross_check;
	uint64_t compared_ns; /* CLOCK_MONOTONIC */
	bool sessions_lost;   /* the next ones are set aside */
	uint64_t flushed_ns;  /* CLOCK_MONOTONIC of the last flush, successful or not */
};

static int open_ledger(struct v2m_bookkeeper *bookkeeper, struct v2m_error *error)
{
	const struct v2m_config *config = bookkeeper->config;
	struct v2m_ledger_retention retention = { .days = config->retention_days,
						  .hours = config->retention_hours };
	int result = v2m_ledger_open(config->state_dir, &bookkeeper->ledger, error);

	if (result)
		return result;
	v2m_ledger_set_retention(bookkeeper->ledger, &retention);
	return v2m_ledger_load(bookkeeper->ledger, bookkeeper->account, error);
}

int v2m_bookkeeper_open(const struct v2m_config *config, struct v2m_conditions *conditions,
			struct v2m_bookkeeper **bookkeeper, struct v2m_error *error)
{
	struct v2m_bookkeeper *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->config = config;
	made->conditions = conditions;
	made->account = v2m_account_new();
	made->rates = v2m_rates_new(config->rate_window_s);
	made->cross_check = v2m_cross_check_new(config->cross_check_s);
	made->rate_history = v2m_rate_history_new(V2M_RATE_HISTORY_STEPS);
	if (made->account && made->rates && made->rate_history && made->cross_check &&
	    v2m_budget_keeper_open(config, &made->budget) == 0)
		result = open_ledger(made, error);
	else
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	if (result) {
		v2m_bookkeeper_close(made);
		return result;
	}
	v2m_bookkeeper_judge_losses(made);
	*bookkeeper = made;
	return 0;
}

void v2m_bookkeeper_close(struct v2m_bookkeeper *bookkeeper)
{
	if (!bookkeeper)
		return;
	v2m_ledger_close(bookkeeper->ledger);
	v2m_sample_clear(&bookkeeper->sample);
	v2m_cross_check_free(bookkeeper->cross_check);
	v2m_rates_free(bookkeeper->rates);
	v2m_rate_history_free(bookkeeper->rate_history);
	v2m_budget_keeper_close(bookkeeper->budget);
	v2m_account_free(bookkeeper->account);
	free(bookkeeper);
}

int v2m_bookkeeper_add_sample(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
			      struct v2m_sample *sample)
{
	int result = v2m_account_apply(bookkeeper->account, keyset, sample);

	if (result) {
		v2m_sample_clear(sample);
		return result;
	}
	v2m_budget_keeper_take(bookkeeper->budget, sample);
	v2m_rates_add(bookkeeper->rates, sample);
	v2m_rate_history_add(bookkeeper->rate_history, sample);
	v2m_sample_clear(&bookkeeper->sample);
	bookkeeper->sample = *sample;
	memset(sample, 0, sizeof(*sample));
	return 0;
}

int v2m_bookkeeper_add_other(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
			     struct v2m_sample *sample)
{
	int result = v2m_account_apply(bookkeeper->account, keyset, sample);

	v2m_sample_clear(sample);
	return result;
}

static void set_lost_sessions_aside(struct v2m_bookkeeper *bookkeeper,
				    const struct v2m_session_counts *counts)
{
	if (bookkeeper->sessions_lost && counts->ports &&
	    v2m_account_set_sessions_aside(bookkeeper->account, counts->ports, counts->n_ports,
					   counts->owners, counts->n_owners) == 0)
		bookkeeper->sessions_lost = false;
}

int v2m_bookkeeper_add_delivered(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *keyset,
				 const struct v2m_session_counts *counts)
{
	int64_t now_us = v2m_clock_real_us();
	int result;

	set_lost_sessions_aside(bookkeeper, counts);
	result = v2m_account_delivered(bookkeeper->account, keyset, counts->ports, counts->n_ports,
				       now_us);
	return result ? result
		      : v2m_account_owner_sessions(bookkeeper->account, counts->owners,
						   counts->n_owners, now_us);
}

int v2m_bookkeeper_add_connections(struct v2m_bookkeeper *bookkeeper,
				   const struct v2m_keyset *keyset,
				   const struct v2m_connection_table *table,
				   const struct v2m_session_counts *counts)
{
	set_lost_sessions_aside(bookkeeper, counts);
	return v2m_account_connections(bookkeeper->account, keyset, table, counts->ports,
				       counts->n_ports, v2m_clock_real_us());
}

int v2m_bookkeeper_knows(const struct v2m_bookkeeper *bookkeeper,
			 const struct v2m_ledger_mark *mark, bool *knows, struct v2m_error *error)
{
	struct v2m_ledger_mark own = { 0 };
	int result = v2m_ledger_read_mark(bookkeeper->ledger, &own, error);

	if (result == 0)
		*knows = !mark->name[0] ||
			 (strcmp(mark->name, own.name) == 0 && mark->stores <= own.stores);
	return result;
}

int v2m_bookkeeper_set_aside(struct v2m_bookkeeper *bookkeeper, struct v2m_sample *sample)
{
	int result = v2m_account_set_aside(bookkeeper->account, sample);

	v2m_sample_clear(sample);
	if (result)
		return result;
	bookkeeper->sessions_lost = true;
	v2m_bookkeeper_judge_losses(bookkeeper);
	return 0;
}

/* So long the health says that something was lost. The status tells what was set aside for ever. */
#define LOSS_US (24 * 3600 * INT64_C(1000000))

/* The totals of keys that were in memory are not lost, but their days may be. */
static void judge_damage(struct v2m_bookkeeper *bookkeeper)
{
	int64_t damaged_us = v2m_ledger_damaged_us(bookkeeper->ledger);
	struct v2m_error sentence;

	if (!damaged_us || damaged_us < v2m_clock_real_us() - LOSS_US) {
		v2m_conditions_clear(bookkeeper->conditions, V2M_LEDGER_DAMAGED);
		return;
	}
	v2m_error_set(&sentence, 0,
		      "the ledger was damaged, and some totals or days in it are lost: a key may "
		      "have begun at 0. The damaged file is kept as ledger.db.corrupt-* in %s",
		      bookkeeper->config->state_dir);
	if (v2m_conditions_set(bookkeeper->conditions, V2M_LEDGER_DAMAGED, sentence.text))
		v2m_log_error("%s", sentence.text);
}

void v2m_bookkeeper_judge_losses(struct v2m_bookkeeper *bookkeeper)
{
	size_t count;
	const struct v2m_aside *asides = v2m_account_asides(bookkeeper->account, &count);
	int64_t since_us = v2m_clock_real_us() - LOSS_US;
	char text[V2M_FORMAT_BYTES_LEN];
	struct v2m_error sentence;
	uint64_t bytes = 0;
	size_t ports = 0;

	judge_damage(bookkeeper);
	for (size_t i = 0; i < count; i++) {
		if (asides[i].found_us < since_us)
			continue;
		bytes += asides[i].totals.rx.wire_bytes + asides[i].totals.tx.wire_bytes;
		ports++;
	}
	if (!ports) {
		v2m_conditions_clear(bookkeeper->conditions, V2M_LEDGER_LOST);
		return;
	}
	v2m_format_bytes(bytes, text);
	v2m_error_set(
		&sentence, 0,
		"the ledger did not know what the counters in the kernel held: it was deleted or "
		"damaged, or an older copy was put back. %s of %zu port%s belong to no key and to "
		"no "
		"period (\"set_aside\" of GET /api/meter/status)",
		text, ports, ports == 1 ? "" : "s");
	if (v2m_conditions_set(bookkeeper->conditions, V2M_LEDGER_LOST, sentence.text))
		v2m_log_error("%s", sentence.text);
}

void v2m_bookkeeper_change_owners(struct v2m_bookkeeper *bookkeeper, const struct v2m_keyset *from,
				  const struct v2m_keyset *to)
{
	char before[V2M_SUBJECT_LEN];
	char after[V2M_SUBJECT_LEN];

	for (size_t i = 0; i < from->slots.count; i++) {
		const struct v2m_slot *slot = &from->slots.items[i];
		const struct v2m_slot *heir =
			v2m_slots_at(&to->slots, slot->first_port,
				     slot->transports & V2M_TCP ? V2M_TCP : V2M_UDP);

		v2m_keyset_subject(from, slot, before, sizeof(before));
		if (heir)
			v2m_keyset_subject(to, heir, after, sizeof(after));
		if (!heir || strcmp(before, after) != 0)
			v2m_rate_history_forget(bookkeeper->rate_history, v2m_slot_number(slot));
	}
}

int v2m_bookkeeper_flush(struct v2m_bookkeeper *bookkeeper)
{
	struct v2m_error error = { 0 };
	int result;

	bookkeeper->flushed_ns = v2m_clock_mono_ns();
	if (!v2m_account_is_dirty(bookkeeper->account))
		return 0;
	result = v2m_ledger_store(bookkeeper->ledger, bookkeeper->account, &error);
	if (!result) {
		if (v2m_conditions_clear(bookkeeper->conditions, V2M_LEDGER_UNWRITABLE))
			v2m_log_info("the ledger can be written again");
		return 0;
	}
	if (v2m_conditions_set(bookkeeper->conditions, V2M_LEDGER_UNWRITABLE, error.text))
		v2m_log_error("the ledger cannot be written, so counting goes on in memory: %s",
			      error.text);
	return result;
}

bool v2m_bookkeeper_flush_is_due(const struct v2m_bookkeeper *bookkeeper)
{
	uint64_t interval_ns = bookkeeper->config->flush_interval_s * UINT64_C(1000000000);

	return v2m_clock_mono_ns() - bookkeeper->flushed_ns >= interval_ns;
}

void v2m_bookkeeper_expire(struct v2m_bookkeeper *bookkeeper)
{
	struct v2m_error error = { 0 };

	v2m_bookkeeper_judge_losses(bookkeeper);
	if (v2m_ledger_expire(bookkeeper->ledger, bookkeeper->account, v2m_clock_mono_ns(),
			      v2m_clock_real_us(), &error))
		v2m_log_warning("old days and hours stay in the ledger: %s", error.text);
}

void v2m_bookkeeper_store_budget(struct v2m_bookkeeper *bookkeeper)
{
	v2m_budget_keeper_flush(bookkeeper->budget);
}

void v2m_bookkeeper_budget(const struct v2m_bookkeeper *bookkeeper, struct v2m_budget_view *view)
{
	v2m_budget_keeper_look(bookkeeper->budget, view);
}

const struct v2m_sample *v2m_bookkeeper_sample(const struct v2m_bookkeeper *bookkeeper)
{
	return &bookkeeper->sample;
}

struct v2m_account *v2m_bookkeeper_account(const struct v2m_bookkeeper *bookkeeper)
{
	return bookkeeper->account;
}

struct v2m_ledger *v2m_bookkeeper_ledger(const struct v2m_bookkeeper *bookkeeper)
{
	return bookkeeper->ledger;
}

double v2m_bookkeeper_rate(const struct v2m_bookkeeper *bookkeeper, uint32_t slot_number)
{
	return v2m_rates_slot(bookkeeper->rates, slot_number);
}

const struct v2m_rates *v2m_bookkeeper_rates(const struct v2m_bookkeeper *bookkeeper)
{
	return bookkeeper->rates;
}

size_t v2m_bookkeeper_rate_history(const struct v2m_bookkeeper *bookkeeper, uint32_t slot_number,
				   struct v2m_rate_point *points, size_t max, int64_t *start_us)
{
	return v2m_rate_history_slot(bookkeeper->rate_history, slot_number, points, max, start_us);
}

size_t v2m_bookkeeper_rate_history_owner(const struct v2m_bookkeeper *bookkeeper, uint32_t owner,
					 struct v2m_rate_point *points, size_t max,
					 int64_t *start_us)
{
	return v2m_rate_history_owner(bookkeeper->rate_history, owner, points, max, start_us);
}

bool v2m_bookkeeper_comparison_is_due(const struct v2m_bookkeeper *bookkeeper, bool may_wait)
{
	uint64_t window_ns = bookkeeper->config->cross_check_s * SECOND_NS;
	uint64_t interval_ns = window_ns / COMPARISONS_AT_LEAST;
	uint64_t most_ns = may_wait ? COMPARISON_WAIT_NS : COMPARISON_NS;

	if (interval_ns > most_ns)
		interval_ns = most_ns;
	return v2m_clock_mono_ns() - bookkeeper->compared_ns >= interval_ns;
}

static void report_finding(struct v2m_bookkeeper *bookkeeper, enum v2m_condition condition,
			   const struct v2m_cross_finding *finding, const char *meaning,
			   const char *device)
{
	struct v2m_error sentence = { 0 };

	if (!finding->slot_number) {
		if (v2m_conditions_clear(bookkeeper->conditions, condition))
			v2m_log_info("the bytes that are counted are those that connections "
				     "deliver, again");
		return;
	}
	v2m_error_set(&sentence, 0,
		      "port %" PRIu32 ": of the bytes that were %s, connections delivered "
		      "%" PRIu64 " and %" PRIu64 " were counted: %s%s%s",
		      finding->slot_number, finding->tx ? "sent" : "received",
		      finding->bytes.delivered, finding->bytes.counted, meaning,
		      *device ? "; some of its connections have an address of " : "", device);
	if (v2m_conditions_set(bookkeeper->conditions, condition, sentence.text))
		v2m_log_warning("%s", sentence.text);
}

void v2m_bookkeeper_compare(struct v2m_bookkeeper *bookkeeper,
			    const struct v2m_port_sessions *sessions, size_t n_sessions,
			    uint64_t dropped,
			    const char *(*where)(void *context, uint32_t slot_number),
			    void *context)
{
	V2M_FREE struct v2m_cross_reading *readings = calloc(n_sessions + 1, sizeof(*readings));
	struct v2m_cross_result result;
	const char *device = "";
	size_t count;

	bookkeeper->compared_ns = v2m_clock_mono_ns();
	if (!readings)
		return;
	count = v2m_cross_readings_make(sessions, n_sessions, &bookkeeper->sample, readings);
	if (v2m_cross_check_add(bookkeeper->cross_check, readings, count, dropped,
				bookkeeper->sample.mono_ns, &result))
		return;
	if (result.uncounted.slot_number)
		device = where(context, result.uncounted.slot_number);
	report_finding(bookkeeper, V2M_TRAFFIC_UNCOUNTED, &result.uncounted,
		       "some pass where nothing counts them, perhaps over a device that "
		       "\"interfaces\" leaves out, or from this host itself",
		       device);
	report_finding(bookkeeper, V2M_TRAFFIC_UNDELIVERED, &result.undelivered,
		       "somebody sends to the port, or repeats, what no connection takes", "");
}

const struct v2m_cross_bytes *v2m_bookkeeper_uncounted(const struct v2m_bookkeeper *bookkeeper,
						       uint32_t slot_number)
{
	return v2m_cross_check_uncounted(bookkeeper->cross_check, slot_number);
}
