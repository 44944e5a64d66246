// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "ledger/figures.h"
#include "ledger/private.h"

static int out_of_memory(struct v2m_error *error)
{
	return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
}

static int copy_text(const char *text, char **copy)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -ENOMEM : 0;
}

/* Fills in what the account knows of a subject; nothing if it was never accounted. */
static void fill_subject(const struct v2m_account *account, const char *name,
			 struct v2m_history_key *out)
{
	const struct v2m_subject *subject = v2m_account_subject(account, name);

	if (!subject)
		return;
	out->is_active = subject->connections > 0;
	out->first_seen_us = subject->first_seen_us;
	out->last_activity_us = subject->last_activity_us;
	out->all.totals = v2m_subject_history(subject);
	out->all.max_connections = subject->max_connections;
	out->all.sessions = subject->sessions;
}

static int fill_key(const struct v2m_account *account, const struct v2m_keyset *keyset,
		    const struct v2m_key *key, struct v2m_history_key *out)
{
	char name[V2M_SUBJECT_LEN];

	v2m_key_subject(key, name, sizeof(name));
	fill_subject(account, name, out);
	out->port = v2m_key_port(key);
	out->shares_port = v2m_keyset_shares(keyset, key);
	if (copy_text(key->id, &out->id) || copy_text(key->uuid, &out->uuid) ||
	    copy_text(key->name, &out->name) || copy_text(key->created_at, &out->created_at))
		return -ENOMEM;
	return 0;
}

/* Finds the next slot that does not belong to one key and is not behind another slot, from index
 * from on. slots.count: there is none. */
static size_t find_shared(const struct v2m_keyset *keyset, size_t from)
{
	while (from < keyset->slots.count &&
	       (keyset->slots.items[from].n_keys == 1 || keyset->slots.items[from].behind))
		from++;
	return from;
}

static void fill_shared(const struct v2m_account *account, const struct v2m_keyset *keyset,
			struct v2m_history *out)
{
	char name[V2M_SUBJECT_LEN];

	for (size_t i = find_shared(keyset, 0); i < keyset->slots.count;
	     i = find_shared(keyset, i + 1)) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		struct v2m_history_key *entry = &out->keys[out->n_keys++];

		v2m_keyset_subject(keyset, slot, name, sizeof(name));
		fill_subject(account, name, entry);
		entry->port = slot->first_port;
		entry->slot_number = v2m_slot_number(slot);
	}
}

int v2m_ledger_history(struct v2m_ledger *ledger, const struct v2m_account *account,
		       const struct v2m_keyset *keyset, struct v2m_history *out,
		       struct v2m_error *error)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };

	(void)ledger;
	history.keys = calloc(keyset->n_keys + keyset->slots.count + 1, sizeof(*history.keys));
	if (!history.keys)
		return out_of_memory(error);
	for (size_t i = 0; i < keyset->n_keys; i++) {
		history.n_keys++;
		if (fill_key(account, keyset, &keyset->keys[i], &history.keys[i]))
			return out_of_memory(error);
	}
	fill_shared(account, keyset, &history);
	*out = history;
	memset(&history, 0, sizeof(history));
	return 0;
}

/* Fills in what was counted for the subject of that name in the month. */
static void fill_month(const struct v2m_account *account, const struct v2m_ledger_figures *figures,
		       int32_t month, const char *name, struct v2m_history_key *entry)
{
	entry->month = v2m_ledger_figures_with_pending(figures, v2m_account_subject(account, name),
						       name, 100 * month, 100 * month + 99);
}

int v2m_ledger_history_month(struct v2m_ledger *ledger, const struct v2m_account *account,
			     const struct v2m_keyset *keyset, int32_t month,
			     struct v2m_history *out, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	V2M_CLEANUP(v2m_ledger_figures_clear) struct v2m_ledger_figures figures = { 0 };
	char name[V2M_SUBJECT_LEN];
	size_t slot = 0;
	int result = v2m_ledger_figures_read(ledger, V2M_GET_MONTH, month, &figures, error);

	if (result == 0)
		result = v2m_ledger_history(ledger, account, keyset, &history, error);
	if (result)
		return result;
	history.month = month;
	for (size_t i = 0; i < history.n_keys; i++) {
		if (history.keys[i].slot_number) {
			slot = find_shared(keyset, slot);
			v2m_keyset_subject(keyset, &keyset->slots.items[slot++], name,
					   sizeof(name));
		} else {
			v2m_key_subject(&keyset->keys[i], name, sizeof(name));
		}
		fill_month(account, &figures, month, name, &history.keys[i]);
	}
	*out = history;
	memset(&history, 0, sizeof(history));
	return 0;
}

struct days {
	V2M_ARRAY(struct v2m_history_day) days;
};

static int read_days(struct v2m_ledger *ledger, const char *name, int32_t from, int32_t to,
		     struct days *list, struct v2m_error *error)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, V2M_GET_DAYS);
	struct v2m_period row;
	int result;

	v2m_bind_text(&cursor, name);
	v2m_bind_int(&cursor, from);
	v2m_bind_int(&cursor, to);
	while ((result = v2m_cursor_next(&cursor, &row, error)) == 1) {
		struct v2m_history_day day = { .date = row.date, .figures = row.figures };

		result = v2m_array_add(&list->days, day);
		if (result)
			break;
	}
	v2m_cursor_reset(&cursor);
	return result;
}

static int compare_days(const void *left, const void *right)
{
	return ((const struct v2m_history_day *)left)->date -
	       ((const struct v2m_history_day *)right)->date;
}

/* Adds what the ledger has not stored yet. */
static int add_pending_days(const struct v2m_subject *subject, int32_t from, int32_t to,
			    struct days *list)
{
	for (size_t i = 0; subject && i < subject->pending.n_days; i++) {
		const struct v2m_history_day *pending = &subject->pending.days[i];
		size_t d = 0;

		if (pending->date < from || pending->date > to)
			continue;
		while (d < list->days.count && list->days.items[d].date != pending->date)
			d++;
		if (d < list->days.count)
			v2m_history_figures_add(&list->days.items[d].figures, &pending->figures);
		else if (v2m_array_add(&list->days, *pending))
			return -ENOMEM;
	}
	if (list->days.count)
		qsort(list->days.items, list->days.count, sizeof(*list->days.items), compare_days);
	return 0;
}

/* Reads one key and its days on the dates from..to. */
static int read_key(struct v2m_ledger *ledger, const struct v2m_account *account,
		    const struct v2m_keyset *keyset, const struct v2m_key *key, int32_t from,
		    int32_t to, struct v2m_history *out, struct v2m_error *error)
{
	struct v2m_error why = { 0 };
	char name[V2M_SUBJECT_LEN];
	struct days list = { 0 };
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	out->keys = calloc(1, sizeof(*out->keys));
	if (!out->keys)
		return out_of_memory(error);
	out->n_keys = 1;
	v2m_key_subject(key, name, sizeof(name));
	if (fill_key(account, keyset, key, out->keys))
		return out_of_memory(error);
	result = read_days(ledger, name, from, to, &list, &why);
	if (result == 0)
		result = add_pending_days(v2m_account_subject(account, name), from, to, &list);
	out->keys->days = list.days.items;
	out->keys->n_days = list.days.count;
	if (result == -ENOMEM)
		return out_of_memory(error);
	return result ? v2m_ledger_read_failed(ledger, result, &why, error) : 0;
}

int v2m_ledger_history_key(struct v2m_ledger *ledger, const struct v2m_account *account,
			   const struct v2m_keyset *keyset, const struct v2m_key *key,
			   struct v2m_history *out, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { 0 };
	int result = read_key(ledger, account, keyset, key, 0, INT32_MAX, &history, error);

	if (result)
		return result;
	*out = history;
	memset(&history, 0, sizeof(history));
	return 0;
}

int v2m_ledger_history_key_month(struct v2m_ledger *ledger, const struct v2m_account *account,
				 const struct v2m_keyset *keyset, const struct v2m_key *key,
				 int32_t month, struct v2m_history *out, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_history_clear) struct v2m_history history = { .month = month };
	V2M_CLEANUP(v2m_ledger_figures_clear) struct v2m_ledger_figures figures = { 0 };
	char name[V2M_SUBJECT_LEN];
	int result = v2m_ledger_figures_read(ledger, V2M_GET_MONTH, month, &figures, error);

	if (result == 0)
		result = read_key(ledger, account, keyset, key, 100 * month, 100 * month + 99,
				  &history, error);
	if (result)
		return result;
	v2m_key_subject(key, name, sizeof(name));
	fill_month(account, &figures, month, name, history.keys);
	*out = history;
	memset(&history, 0, sizeof(history));
	return 0;
}

struct date_sum {
	struct v2m_history_date out;
	const struct v2m_ledger_figures *figures;
};

static int add_subject_to_date(const struct v2m_subject *subject, void *context)
{
	struct date_sum *sum = context;
	struct v2m_history_figures figures = v2m_ledger_figures_with_pending(
		sum->figures, subject, subject->id, sum->out.date, sum->out.date);

	if (v2m_subject_is_behind(subject))
		return 0;
	sum->out.totals = v2m_totals_add(sum->out.totals, figures.totals);
	sum->out.connections += figures.max_connections;
	sum->out.sessions = v2m_counter_add(sum->out.sessions, figures.sessions);
	if (figures.max_connections || figures.sessions || !v2m_totals_are_zero(&figures.totals))
		sum->out.active_keys++;
	return 0;
}

int v2m_ledger_history_date(struct v2m_ledger *ledger, const struct v2m_account *account,
			    int32_t date, struct v2m_history_date *out, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_ledger_figures_clear) struct v2m_ledger_figures figures = { 0 };
	struct date_sum sum = { .out.date = date, .figures = &figures };
	int result = v2m_ledger_figures_read(ledger, V2M_GET_DATE, date, &figures, error);

	if (result)
		return result;
	v2m_account_each_subject(account, add_subject_to_date, &sum);
	*out = sum.out;
	return 0;
}
