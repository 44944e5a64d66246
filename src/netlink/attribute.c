// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/attribute.h"

#include <libmnl/libmnl.h>
#include <string.h>

size_t v2m_attribute_copy(const struct nlattr *attribute, void *to, size_t size)
{
	size_t length = mnl_attr_get_payload_len(attribute);

	memcpy(to, mnl_attr_get_payload(attribute), length < size ? length : size);
	return length;
}

uint32_t v2m_attribute_u32(const struct nlattr *attribute)
{
	uint32_t number = 0;

	v2m_attribute_copy(attribute, &number, sizeof(number));
	return number;
}

void v2m_attribute_text(const struct nlattr *attribute, char *text, size_t size)
{
	size_t length = v2m_attribute_copy(attribute, text, size - 1);

	text[length < size ? length : size - 1] = 0;
}

static int keep_attribute(const struct nlattr *attribute, void *context)
{
	const struct nlattr **table = context;
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < V2M_ATTRIBUTES)
		table[type] = attribute;
	return MNL_CB_OK;
}

const char *v2m_attribute_string(const struct nlattr *attribute)
{
	const char *text = mnl_attr_get_payload(attribute);

	return memchr(text, 0, mnl_attr_get_payload_len(attribute)) ? text : "";
}

void v2m_attributes_of_message(const struct nlmsghdr *message, unsigned header_size,
			       v2m_attributes table)
{
	memset(table, 0, sizeof(v2m_attributes));
	mnl_attr_parse(message, header_size, keep_attribute, table);
}

void v2m_attributes_of_nest(const struct nlattr *nest, v2m_attributes table)
{
	memset(table, 0, sizeof(v2m_attributes));
	if (nest)
		mnl_attr_parse_nested(nest, keep_attribute, table);
}
