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
