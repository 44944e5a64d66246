// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/port_spans.h"

#include <errno.h>

#include "base/array.h"

int v2m_port_spans_cut(struct v2m_nat_ports_list *list, const struct v2m_nat_ports *taken,
		       struct v2m_nat_ports_list *common)
{
	for (size_t i = list->count; i-- > 0;) {
		struct v2m_nat_ports whole = list->items[i];
		struct v2m_nat_ports left = whole;
		struct v2m_nat_ports both = whole;
		struct v2m_nat_ports right = whole;
		int result = 0;

		if (whole.first > taken->last || whole.last < taken->first)
			continue;
		list->items[i] = list->items[--list->count];
		if (whole.first < taken->first) {
			both.first = taken->first;
			left.last = (uint16_t)(taken->first - 1);
			result = v2m_array_add(list, left);
		}
		if (!result && whole.last > taken->last) {
			both.last = taken->last;
			right.first = (uint16_t)(taken->last + 1);
			result = v2m_array_add(list, right);
		}
		if (!result && common)
			result = v2m_array_add(common, both);
		if (result)
			return -ENOMEM;
	}
	return 0;
}
