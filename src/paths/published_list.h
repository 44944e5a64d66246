/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The list of ports under which servers of this host are published. */
#ifndef V2METER_PATHS_PUBLISHED_LIST_H
#define V2METER_PATHS_PUBLISHED_LIST_H

#include <stdbool.h>

#include "base/error.h"
#include "base/port_rule.h"

struct v2m_published {
	struct v2m_port_aliases aliases; /* the configured ones first */
	/* Why there may be more, "": there are no more. Always so if the configuration names them.
	 */
	struct v2m_error unknown;
	bool depends_on_listeners; /* some rules are about one family only */
};

/* Adds the alias, or its families to the same alias that is there. If there are too many, unknown
 * says so. 0 or -ENOMEM. */
int v2m_published_add(struct v2m_published *published, const struct v2m_port_alias *alias);
void v2m_published_clear(struct v2m_published *published);
/* Whether both have the same aliases. */
bool v2m_published_equal(const struct v2m_published *one, const struct v2m_published *other);

#endif
