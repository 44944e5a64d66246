/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A set of port numbers. */
#ifndef V2METER_CTL_DOCTOR_PORT_SET_H
#define V2METER_CTL_DOCTOR_PORT_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct v2m_port_set {
	bool has[65536];
};

void v2m_port_set_add(struct v2m_port_set *set, unsigned first, unsigned last);
/* Adds the ports of a list such as "443, 8443,20000-30000" or "20000:30000", up to the first
 * character that cannot belong to one. Returns how many numbers and ranges were read. */
size_t v2m_port_set_add_text(struct v2m_port_set *set, const char *text);
/* Adds all ports of a list of KEY objects, as GET /api/keys answers. */
void v2m_port_set_add_keys(struct v2m_port_set *set, const json_t *keys);
bool v2m_port_set_is_empty(const struct v2m_port_set *set);
/* Leaves only the ports that both have. */
void v2m_port_set_intersect(struct v2m_port_set *set, const struct v2m_port_set *other);
/* Leaves out the ports of the other set. */
void v2m_port_set_subtract(struct v2m_port_set *set, const struct v2m_port_set *other);
/* Writes the set as "443,20000-30000", cut to the size with "..." at the end. Returns whether it
 * was cut. */
bool v2m_port_set_format(const struct v2m_port_set *set, char *text, size_t size);

#endif
