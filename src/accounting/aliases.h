/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of subjects that were joined into others. */
#ifndef V2METER_ACCOUNTING_ALIASES_H
#define V2METER_ACCOUNTING_ALIASES_H

#include "accounting/subject.h"
#include "base/table.h"

struct v2m_alias {
	char *name;
	struct v2m_subject *subject;
	bool is_new; /* the ledger has not joined the two yet */
	bool dirty;  /* differs from what the ledger has stored */
};

/* Zeros are an empty list. */
struct v2m_aliases {
	struct v2m_table table;
};

/* NULL: no subject of that name was joined into another. */
struct v2m_alias *v2m_aliases_find(const struct v2m_aliases *aliases, const char *name);
/* Makes the name an alias of the subject, also if it was one of another subject. 0 or -ENOMEM. */
int v2m_aliases_put(struct v2m_aliases *aliases, const char *name, struct v2m_subject *subject);
/* Every alias of the one subject becomes one of the other. */
void v2m_aliases_redirect(struct v2m_aliases *aliases, const struct v2m_subject *from,
			  struct v2m_subject *to);
/* Every alias once, in no order: NULL gives the first, NULL comes after the last. */
struct v2m_alias *v2m_aliases_next(const struct v2m_aliases *aliases,
				   const struct v2m_alias *alias);
void v2m_aliases_clear(struct v2m_aliases *aliases);

#endif
