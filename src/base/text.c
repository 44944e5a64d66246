// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/text.h"

#include <string.h>

size_t v2m_lower_case(const char *text, char *lower, size_t size)
{
	size_t length;

	for (length = 0; text[length]; length++) {
		char c = text[length];

		if (length + 1 < size)
			lower[length] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	lower[length < size ? length : size - 1] = 0;
	return length;
}

/* The length that the first byte announces; 0: no character begins with it. */
static size_t announced_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if ((first & 0xe0) == 0xc0)
		return 2;
	if ((first & 0xf0) == 0xe0)
		return 3;
	return (first & 0xf8) == 0xf0 ? 4 : 0;
}

size_t v2m_utf8_decode(const char *text, uint32_t *character)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = announced_length(bytes[0]);
	uint32_t value;

	if (length == 0)
		return 0;
	value = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	/* The loop ends at the 0 behind the text, which continues no character. */
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	if (character)
		*character = value;
	return length;
}

bool v2m_is_utf8(const char *text)
{
	while (*text) {
		size_t length = v2m_utf8_decode(text, NULL);

		if (!length)
			return false;
		text += length;
	}
	return true;
}

static bool is_control(uint32_t character)
{
	return character < ' ' || (character >= 0x7f && character < 0xa0);
}

void v2m_text_make_plain(char *text)
{
	while (*text) {
		uint32_t character = 0;
		size_t length = v2m_utf8_decode(text, &character);

		if (!length)
			*text = '?';
		else if (is_control(character))
			memset(text, ' ', length);
		text += length ? length : 1;
	}
}

size_t v2m_utf8_cut(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);

	if (length <= max)
		return length;
	for (length = max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
		length--;
	return length;
}
