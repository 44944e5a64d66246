/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PATHS_PORT_SPANS_H
#define V2METER_PATHS_PORT_SPANS_H

#include "paths/nat.h"

/* Takes the ports out of the list, and adds those that the list had to common, if that is not NULL.
 * The order of the list changes. 0; or -ENOMEM with the list in disorder. */
int v2m_port_spans_cut(struct v2m_nat_ports_list *list, const struct v2m_nat_ports *taken,
		       struct v2m_nat_ports_list *common);

#endif
