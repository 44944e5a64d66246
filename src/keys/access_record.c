// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/access_record.h"

#include <string.h>

#include "base/macros.h"

bool v2m_access_record_names(const struct v2m_access_record *record, const char *tag)
{
	static const char *const arrows[] = { " >> ", " -> " };
	const struct v2m_access_text *tags = &record->tags;
	size_t length = strlen(tag);

	for (size_t i = 0; i < V2M_ARRAY_LEN(arrows); i++) {
		size_t arrow = strlen(arrows[i]);

		if (tags->length >= length + arrow && !memcmp(tags->start, tag, length) &&
		    !memcmp(tags->start + length, arrows[i], arrow))
			return true;
	}
	return false;
}
