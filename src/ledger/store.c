// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/store.h"

static int run_with_row(const struct v2m_statements *statements, enum v2m_statement which,
			const void *row)
{
	struct v2m_cursor cursor = v2m_cursor_of(statements, which);

	v2m_bind_row(&cursor, row);
	return v2m_cursor_run(&cursor);
}

int v2m_store_date(const struct v2m_statements *statements, enum v2m_statement which,
		   const char *subject, int32_t date, const struct v2m_history_figures *figures)
{
	const struct v2m_period row = { .subject = subject, .date = date, .figures = *figures };

	return run_with_row(statements, which, &row);
}

static int store_days(const struct v2m_statements *statements, const struct v2m_subject *subject)
{
	int result = 0;

	for (size_t i = 0; i < subject->pending.n_days && result == 0; i++) {
		const struct v2m_history_day *day = &subject->pending.days[i];

		result = v2m_store_date(statements, V2M_ADD_DAY, subject->id, day->date,
					&day->figures);
		if (result == 0)
			result = v2m_store_date(statements, V2M_ADD_MONTH, subject->id,
						v2m_date_month(day->date), &day->figures);
	}
	return result;
}

static int store_hours(const struct v2m_statements *statements, const struct v2m_subject *subject)
{
	int result = 0;

	for (size_t i = 0; i < subject->pending.n_hours && result == 0; i++) {
		const struct v2m_history_hour *hour = &subject->pending.hours[i];
		const struct v2m_period row = {
			.subject = subject->id,
			.start_s = hour->start_s,
			.utc_offset_s = hour->utc_offset_s,
			.figures = hour->figures,
		};

		result = run_with_row(statements, V2M_ADD_HOUR, &row);
	}
	return result;
}

static int store_parts(const struct v2m_statements *statements, const struct v2m_subject *subject)
{
	int result = 0;

	for (size_t i = 0; i < subject->parts.count && result == 0; i++) {
		const struct v2m_part_row row = { subject->id, subject->parts.items[i] };

		if (row.part.dirty)
			result = run_with_row(statements, V2M_PUT_PART, &row);
	}
	return result;
}

static int store_subject(const struct v2m_subject *subject, void *statements)
{
	int result;

	if (!subject->dirty)
		return 0;
	result = run_with_row(statements, V2M_PUT_SUBJECT, subject);
	if (result == 0)
		result = store_parts(statements, subject);
	if (result == 0)
		result = store_days(statements, subject);
	return result ? result : store_hours(statements, subject);
}

/* Moves the rows of the alias to the subject, whose totals already hold those of the alias. Then
 * deletes the old subject. */
static int join_rows(const struct v2m_statements *statements, const struct v2m_alias *alias)
{
	static const struct {
		enum v2m_statement which;
		bool names_both;
	} steps[] = {
		{ V2M_MOVE_DAYS, true },         { V2M_MOVE_MONTHS, true },
		{ V2M_MOVE_HOURS, true },        { V2M_DELETE_DAYS_OF, false },
		{ V2M_DELETE_MONTHS_OF, false }, { V2M_DELETE_HOURS_OF, false },
		{ V2M_DELETE_PARTS_OF, false },  { V2M_DELETE_SUBJECT, false },
	};
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(steps) && result == 0; i++) {
		struct v2m_cursor cursor = v2m_cursor_of(statements, steps[i].which);

		v2m_bind_text(&cursor, alias->name);
		if (steps[i].names_both)
			v2m_bind_text(&cursor, alias->subject->id);
		result = v2m_cursor_run(&cursor);
	}
	return result;
}

/* Aliases are stored before subjects, because a new subject may have the name of an alias. */
static int store_alias(const struct v2m_alias *alias, void *statements)
{
	const struct v2m_alias_row row = { alias->name, alias->subject->id };
	int result;

	if (!alias->dirty)
		return 0;
	result = run_with_row(statements, V2M_PUT_SUBJECT, alias->subject);
	if (result == 0)
		result = run_with_row(statements, V2M_PUT_ALIAS, &row);
	return result || !alias->is_new ? result : join_rows(statements, alias);
}

static int store_raw(const struct v2m_raw_port *raw, void *statements)
{
	return raw->dirty ? run_with_row(statements, V2M_PUT_RAW, raw) : 0;
}

static int store_overlap(const struct v2m_socket_overlap *overlap, void *statements)
{
	return overlap->dirty ? run_with_row(statements, V2M_PUT_OVERLAP, overlap) : 0;
}

static int store_sessions(const struct v2m_accounted_sessions *reading, void *statements)
{
	return reading->dirty ? run_with_row(statements, V2M_PUT_SESSIONS, reading) : 0;
}

static int store_aside(const struct v2m_aside *aside, void *statements)
{
	return aside->dirty ? run_with_row(statements, V2M_PUT_ASIDE, aside) : 0;
}

int v2m_store_account(const struct v2m_statements *statements, const struct v2m_account *account)
{
	/* The visitors do not change the statements. */
	void *context = (struct v2m_statements *)(uintptr_t)statements;
	int result = v2m_account_each_alias(account, store_alias, context);

	if (result == 0)
		result = v2m_account_each_subject(account, store_subject, context);
	if (result == 0)
		result = v2m_account_each_raw(account, store_raw, context);
	if (result == 0)
		result = v2m_account_each_overlap(account, store_overlap, context);
	if (result == 0)
		result = v2m_account_each_sessions(account, store_sessions, context);
	if (result == 0)
		result = v2m_account_each_aside(account, store_aside, context);
	return result;
}
