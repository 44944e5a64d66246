// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A character becomes at most a surrogate pair: "\uXXXX\uXXXX". */
#define ESCAPED_LEN 12

void v2m_text_init(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* Characters that the C library calls printable, although they reorder their neighbours
 * (bidirectional controls) or are invisible (tags). */
static bool is_deceptive(uint32_t character)
{
	return character == 0x061c || character == 0x200e || character == 0x200f ||
	       (character >= 0x202a && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069) ||
	       (character >= 0xe0000 && character <= 0xe007f);
}

static bool is_harmless(uint32_t character)
{
	if (is_deceptive(character))
		return false;
	return iswprint((wint_t)character) && wcwidth((wchar_t)character) >= 0;
}

static int escape_character(uint32_t character, char *out)
{
	if (character < 0x10000)
		return sprintf(out, "\\u%04x", (unsigned)character);
	character -= 0x10000;
	return sprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (character >> 10)),
		       (unsigned)(0xdc00 + (character & 0x3ff)));
}

static char *clean_text(const char *text, bool keep_line_breaks)
{
	char *result = malloc(strlen(text) * ESCAPED_LEN + 1);
	char *out = result;

	if (!result)
		return NULL;
	while (*text) {
		uint32_t character;
		size_t length = v2m_utf8_decode(text, &character);

		if (length == 0) {
			*out++ = '?';
			text++;
			continue;
		}
		if (is_harmless(character) || (keep_line_breaks && character == '\n')) {
			memcpy(out, text, length);
			out += length;
		} else {
			out += escape_character(character, out);
		}
		text += length;
	}
	*out = 0;
	return result;
}

char *v2m_text_clean(const char *text)
{
	return clean_text(text, false);
}

char *v2m_text_clean_json(const char *document)
{
	return clean_text(document, true);
}

int v2m_text_width(const char *text)
{
	int width = 0;

	while (*text) {
		uint32_t character;
		size_t length = v2m_utf8_decode(text, &character);
		int columns = length ? wcwidth((wchar_t)character) : 1;

		width += columns > 0 ? columns : 0;
		text += length ? length : 1;
	}
	return width;
}

void v2m_note(const char *format, ...)
{
	char line[2048];
	V2M_FREE char *safe = NULL;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	safe = v2m_text_clean(line);
	fprintf(stderr, "v2meterctl: %s\n", safe ? safe : "out of memory");
}
