// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/fit.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"

struct buffer {
	char *text;
	size_t size;
	size_t length;
};

static void add(struct buffer *out, const char *bytes, size_t length)
{
	if (out->length + length >= out->size)
		return;
	memcpy(out->text + out->length, bytes, length);
	out->length += length;
	out->text[out->length] = 0;
}

static void add_spaces(struct buffer *out, int count)
{
	for (; count > 0; count--)
		add(out, " ", 1);
}

/* The next character: how many bytes and columns it takes. */
static size_t measure(const char *text, int *columns)
{
	uint32_t character;
	size_t length = v2m_utf8_decode(text, &character);

	*columns = length ? wcwidth((wchar_t)character) : 1;
	if (*columns < 0)
		*columns = 0;
	return length ? length : 1;
}

static int width_of(const char *text)
{
	int width = 0;
	int columns;

	for (; *text; width += columns)
		text += measure(text, &columns);
	return width;
}

void v2m_top_fit(const char *clean, int width, bool right, bool ascii, char *out, size_t size)
{
	struct buffer buffer = { .text = out, .size = size };
	int whole = width_of(clean);
	bool cut = whole > width;
	int limit = cut ? width - 1 : width;
	int used = 0;

	out[0] = 0;
	if (right && !cut)
		add_spaces(&buffer, width - whole);
	while (*clean) {
		int columns;
		size_t length = measure(clean, &columns);

		if (used + columns > limit)
			break;
		if (ascii && (unsigned char)*clean >= 0x80)
			for (int i = 0; i < columns; i++)
				add(&buffer, "?", 1);
		else
			add(&buffer, clean, length);
		used += columns;
		clean += length;
	}
	if (cut && width > 0) {
		/* A wide character may have left a column. */
		add_spaces(&buffer, limit - used);
		add(&buffer, ascii ? "~" : "…", ascii ? 1 : strlen("…"));
	} else if (!right) {
		add_spaces(&buffer, width - used);
	}
}

void v2m_top_bar(double share, int width, bool ascii, char *out, size_t size)
{
	static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	struct buffer buffer = { .text = out, .size = size };
	int steps = ascii ? 1 : 8;
	double bounded = share > 1 ? 1 : share > 0 ? share : 0;
	int eighths = (int)lround(bounded * width * steps);
	int used = 0;

	out[0] = 0;
	if (share > 0 && eighths == 0)
		eighths = 1;
	for (; eighths > 0; eighths -= steps, used++) {
		const char *part = ascii ? "#" : parts[eighths > 8 ? 8 : eighths];

		add(&buffer, part, strlen(part));
	}
	add_spaces(&buffer, width - used);
}
