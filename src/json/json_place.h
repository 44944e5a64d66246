/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in a JSON text a value stands. jansson tells the place of what it cannot parse, but keeps
 * none for what it has parsed: when a value is to be complained about, the text is walked again.
 */
#ifndef V2METER_JSON_JSON_PLACE_H
#define V2METER_JSON_JSON_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct v2m_place {
	unsigned line;   /* from 1 */
	unsigned column; /* from 1, in characters of UTF-8 */
};

/* One step from a value to one inside it. */
struct v2m_json_step {
	const char *member; /* of an object; NULL: item number index of an array */
	size_t index;
	bool hidden; /* the name is a credential, and no error shows it */
};

/* The place of the byte at offset (or of the end, where the text is shorter). */
struct v2m_place v2m_text_place(const char *text, size_t length, size_t offset);

/* The offset of the first byte of the value that the steps lead to from the root. The text must
 * have been parsed without an error; steps that lead nowhere end at the last value found. */
size_t v2m_json_find(const char *text, size_t length, const struct v2m_json_step *steps,
		     size_t n_steps);

/* Overwrites comments (two slashes or # to the end of the line, and slash star to star slash, as
 * V2Ray and Xray read them) with spaces; line breaks and strings stay. Every other byte keeps its
 * offset. */
void v2m_json_blank_comments(char *text, size_t length);

#endif
