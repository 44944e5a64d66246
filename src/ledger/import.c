// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "ledger/document.h"
#include "ledger/private.h"
#include "ledger/store.h"
#include "ledger/transfer.h"

struct import {
	struct v2m_document document;
	int64_t real_us;
};

static int refuse_own(struct v2m_ledger *ledger, const struct v2m_document *document,
		      struct v2m_error *error)
{
	char identity[V2M_IDENTITY_LEN + 1];
	int result = v2m_ledger_identity(ledger, identity, error);

	if (result == 0 && strcmp(identity, document->ledger) == 0)
		return v2m_error_set(error, -EEXIST,
				     "import: this ledger wrote the document: its totals are"
				     " in it already");
	return result;
}

/* Finds out if the subject was imported from this ledger before, and from this document. */
static int look_up_mark(struct v2m_ledger *ledger, const struct v2m_document *document,
			struct v2m_document_subject *subject, struct v2m_import_result *counts,
			struct v2m_error *error)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, V2M_GET_IMPORT);
	struct v2m_import_mark mark;
	int result;

	v2m_bind_text(&cursor, document->ledger);
	v2m_bind_text(&cursor, subject->subject.id);
	result = v2m_cursor_next(&cursor, &mark, error);
	subject->wanted = result == 0;
	if (result == 0)
		counts->added++;
	else if (result == 1 && strcmp(mark.document, document->id) == 0)
		counts->known++;
	else if (result == 1)
		counts->refused++;
	v2m_cursor_reset(&cursor);
	return result < 0 ? result : 0;
}

static int write_dates(struct v2m_ledger *ledger, enum v2m_statement which, const char *subject,
		       const struct v2m_history_day *dates, size_t n_dates)
{
	int result = 0;

	for (size_t i = 0; i < n_dates && result == 0; i++)
		result = v2m_store_date(&ledger->statements, which, subject, dates[i].date,
					&dates[i].figures);
	return result;
}

static int write_subject(struct v2m_ledger *ledger, const struct import *import,
			 const struct v2m_document_subject *subject)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, V2M_PUT_IMPORT);
	const struct v2m_import_mark mark = {
		.source = import->document.ledger,
		.subject = subject->subject.id,
		.document = import->document.id,
		.imported_us = import->real_us,
	};
	int result;

	v2m_bind_row(&cursor, &mark);
	result = v2m_cursor_run(&cursor);
	if (result == 0)
		result = write_dates(ledger, V2M_ADD_MONTH, subject->target, subject->months,
				     subject->n_months);
	if (result == 0)
		result = write_dates(ledger, V2M_ADD_DAY, subject->target, subject->days,
				     subject->n_days);
	return result;
}

static int write_import(struct v2m_ledger *ledger, const void *argument)
{
	const struct import *import = argument;
	int result = 0;

	for (size_t i = 0; i < import->document.n_subjects && result == 0; i++)
		if (import->document.subjects[i].wanted)
			result = write_subject(ledger, import, &import->document.subjects[i]);
	return result;
}

/* Undoes the merge of the document's first count subjects. Begins with the last one, because
 * several may have been added to one subject. */
static void undo_in_memory(struct v2m_account *account, struct v2m_document *document, size_t count)
{
	for (size_t i = count; i > 0; i--) {
		struct v2m_document_subject *subject = &document->subjects[i - 1];

		if (subject->wanted)
			v2m_account_undo_merge(account, subject->target, &subject->undo);
	}
}

/* Adds a subject of the document to the one of the same name. If the name is an alias here, adds it
 * to the subject of the alias. 0 or -ENOMEM. */
static int merge_subject(struct v2m_account *account, struct v2m_document_subject *subject)
{
	const char *known = v2m_account_name(account, subject->subject.id);
	struct v2m_subject more = subject->subject;

	subject->target = known ? known : subject->subject.id;
	/* The cast is safe: merging does not change the name. */
	more.id = (char *)(uintptr_t)subject->target;
	return v2m_account_merge(account, &more, &subject->undo);
}

static int add_in_memory(struct v2m_account *account, struct v2m_document *document)
{
	for (size_t i = 0; i < document->n_subjects; i++) {
		struct v2m_document_subject *subject = &document->subjects[i];

		if (!subject->wanted || merge_subject(account, subject) == 0)
			continue;
		undo_in_memory(account, document, i);
		return -ENOMEM;
	}
	return 0;
}

static int import_document(struct v2m_ledger *ledger, struct v2m_account *account,
			   struct import *import, struct v2m_import_result *counts,
			   struct v2m_error *error)
{
	struct v2m_document *document = &import->document;
	struct v2m_error why = { 0 };
	int result = refuse_own(ledger, document, error);

	for (size_t i = 0; i < document->n_subjects && result == 0; i++) {
		result = look_up_mark(ledger, document, &document->subjects[i], counts, &why);
		if (result)
			v2m_ledger_read_failed(ledger, result, &why, error);
	}
	if (result || counts->added == 0)
		return result;
	if (add_in_memory(account, document))
		return v2m_error_set(error, -ENOMEM, "import: out of memory");
	result = v2m_ledger_write(ledger, account, write_import, import, error);
	if (result)
		undo_in_memory(account, document, document->n_subjects);
	return result;
}

int v2m_ledger_import(struct v2m_ledger *ledger, struct v2m_account *account, const char *text,
		      size_t length, int64_t real_us, struct v2m_import_result *result,
		      struct v2m_error *error)
{
	struct v2m_import_result counts = { 0 };
	struct import import = { .real_us = real_us };
	int code = v2m_ledger_readable(ledger, error);

	if (code == 0)
		code = v2m_document_read(text, length, &import.document, error);
	if (code)
		return code;
	code = import_document(ledger, account, &import, &counts, error);
	v2m_document_clear(&import.document);
	if (code == 0)
		*result = counts;
	return code;
}
