/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A document of totals as it was read; transfer.h describes its form. */
#ifndef V2METER_LEDGER_DOCUMENT_H
#define V2METER_LEDGER_DOCUMENT_H

#include "accounting/account.h"
#include "accounting/history.h"
#include "base/error.h"

#define V2M_DOCUMENT_FORMAT  "v2meter-totals"
#define V2M_DOCUMENT_VERSION 1
#define V2M_DOCUMENT_ID_LEN  64
/* Length of the identity of the ledger that the document comes from. */
#define V2M_IDENTITY_LEN 64
/* The most counters that a flow of a document may have. */
#define V2M_DOCUMENT_MAX_COUNTERS 16

struct v2m_document_subject {
	struct v2m_subject subject;     /* id and name are the document's */
	struct v2m_history_day *months; /* date is the month */
	size_t n_months;
	struct v2m_history_day *days;
	size_t n_days;
	bool wanted;        /* for import.c: it was not imported before */
	const char *target; /* for import.c: the name of the subject to which it is added */
	struct v2m_account_undo undo; /* for import.c */
};

struct v2m_document {
	char *ledger;
	char *id;
	struct v2m_document_subject *subjects;
	size_t n_subjects;
};

/* 0; -EINVAL with line, column and what was expected; -ENOMEM. *document is untouched then. */
int v2m_document_read(const char *text, size_t length, struct v2m_document *document,
		      struct v2m_error *error);
void v2m_document_clear(struct v2m_document *document);

#endif
