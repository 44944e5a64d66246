// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/decode.h"

#include <errno.h>
#include <string.h>

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool v2m_percent_decode(const char *text, size_t length, char *decoded, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
			int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		}
		if (c == 0 || used + 1 >= size)
			return false;
		decoded[used++] = (char)c;
	}
	decoded[used] = 0;
	return true;
}

int v2m_query_value(const char *query, const char *name, char *value, size_t size)
{
	size_t name_length = strlen(name);

	while (query && *query) {
		size_t length = strcspn(query, "&");

		if (length > name_length && query[name_length] == '=' &&
		    strncmp(query, name, name_length) == 0)
			return v2m_percent_decode(query + name_length + 1, length - name_length - 1,
						  value, size)
				       ? 0
				       : -EINVAL;
		query += length + (query[length] == '&');
	}
	return -ENOENT;
}
