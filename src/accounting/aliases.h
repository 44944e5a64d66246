/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names of subjects that were joined into others. */
#ifndef V2METER_ACCOUNTING_ALIASES_H
#define V2METER_ACCOUNTING_ALIASES_H

#include "accounting/subject.h"
#include "base/table.h"

struct v2m_alias {
	char *name;
	struct v2m_subject *subject;
	bool is_new; /* the ledger has not joined the two subjects yet */
	bool dirty;  /* differs from what the ledger has stored */
};

/* Zeros are an empty list. */
struct v2m_aliases {
	struct v2m_table table;
};

/* Finds an alias by its name. NULL: there is none. */
struct v2m_alias *v2m_aliases_find(const struct v2m_aliases *aliases, const char *name);
/* Makes the name an alias of the subject, even if it was one of another subject. 0 or -ENOMEM. */
int v2m_aliases_put(struct v2m_aliases *aliases, const char *name, struct v2m_subject *subject);
/* Makes every alias of one subject an alias of the other. */
void v2m_aliases_redirect(struct v2m_aliases *aliases, const struct v2m_subject *from,
			  struct v2m_subject *to);
/* The alias after the given one, in no special order. NULL gives the first one; the result is NULL
 * after the last one. */
struct v2m_alias *v2m_aliases_next(const struct v2m_aliases *aliases,
				   const struct v2m_alias *alias);
void v2m_aliases_clear(struct v2m_aliases *aliases);

#endif
