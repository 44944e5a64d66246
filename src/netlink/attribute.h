/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink attributes and their values. Kernels differ: a value may be shorter or longer than
 * expected, and is never read beyond its end. */
#ifndef V2METER_NETLINK_ATTRIBUTE_H
#define V2METER_NETLINK_ATTRIBUTE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the value's first bytes, at most size. If the value is shorter, the rest of the
 * destination stays. Returns the length of the value. */
size_t v2m_attribute_copy(const struct nlattr *attribute, void *to, size_t size);
/* A number in the byte order of the machine; bytes that are missing are 0. */
uint32_t v2m_attribute_u32(const struct nlattr *attribute);
/* Copies a text, cut to fit. It ends with a 0 even if the attribute's does not. */
void v2m_attribute_text(const struct nlattr *attribute, char *text, size_t size);

/* A text in its place; "" if it does not end with a 0. */
const char *v2m_attribute_string(const struct nlattr *attribute);

/* Attributes by their types, as far as these are below V2M_ATTRIBUTES. NULL: it is not there. */
#define V2M_ATTRIBUTES 32
typedef const struct nlattr *v2m_attributes[V2M_ATTRIBUTES];

/* The attributes behind the message's header of that size. */
void v2m_attributes_of_message(const struct nlmsghdr *message, unsigned header_size,
			       v2m_attributes table);
/* The attributes in an attribute. NULL: there are none. */
void v2m_attributes_of_nest(const struct nlattr *nest, v2m_attributes table);

#endif
