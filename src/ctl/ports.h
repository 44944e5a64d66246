/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports of a key as the server tells them: "port", and "ports" if there are several. */
#ifndef V2METER_CTL_PORTS_H
#define V2METER_CTL_PORTS_H

#include <jansson.h>
#include <stdbool.h>

/* Long lists are cut off and end with "...". */
#define V2M_CTL_PORTS_LEN 64

/* Writes them as "443, 20000-50000"; "-" if the key has none. Returns text. */
const char *v2m_ctl_ports(const json_t *key, char text[static V2M_CTL_PORTS_LEN]);
/* Whether wanted is one of the ports, also one inside a range, or one of the ranges. */
bool v2m_ctl_has_port(const json_t *key, const char *wanted);

#endif
