// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/ephemeral.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ctl/doctor/port_set.h"

int v2m_ephemeral_find(const char *range, const char *reserved, const json_t *keys,
		       struct v2m_ephemeral *found)
{
	V2M_FREE struct v2m_port_set *sets = calloc(3, sizeof(*sets));
	struct v2m_port_set *wanted = sets;
	unsigned first;
	unsigned last;

	*found = (struct v2m_ephemeral){ 0 };
	if (!sets)
		return -ENOMEM;
	if (sscanf(range, "%u %u", &first, &last) != 2)
		return -EINVAL;
	v2m_port_set_add_keys(wanted, keys);
	v2m_port_set_add(&sets[1], first, last);
	v2m_port_set_add_text(&sets[2], reserved);
	v2m_port_set_intersect(wanted, &sets[1]);
	v2m_port_set_subtract(wanted, &sets[2]);
	if (v2m_port_set_is_empty(wanted))
		return 0;
	v2m_port_set_format(wanted, found->ports, sizeof(found->ports));
	for (unsigned port = 0; port < 65536; port++)
		wanted->has[port] = wanted->has[port] || sets[2].has[port];
	if (v2m_port_set_format(wanted, found->reserve, sizeof(found->reserve)))
		found->reserve[0] = 0;
	return 0;
}
