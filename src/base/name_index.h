/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds a number by a name: the place of a key in a list, or a port. */
#ifndef V2METER_BASE_NAME_INDEX_H
#define V2METER_BASE_NAME_INDEX_H

#include "base/table.h"

/* Zeros are an empty index. */
struct v2m_name_index {
	struct v2m_table table;
};

/* Gives the name a number, in place of the one it had. The name is copied. 0 or -ENOMEM. */
int v2m_name_index_set(struct v2m_name_index *index, const char *name, size_t number);
/* False: the name has no number; *number is unchanged then. */
bool v2m_name_index_find(const struct v2m_name_index *index, const char *name, size_t *number);
void v2m_name_index_clear(struct v2m_name_index *index);

#endif
