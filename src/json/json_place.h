/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the place of a value in a JSON text. jansson keeps no places of what it has parsed, so the
 * text is walked again if an error has to name one.
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
	const char *member; /* the name in an object; if NULL, this step goes to item number index
			       of a list */
	size_t index;
	bool hidden; /* the name is a credential that no error may show */
};

/* The place of the byte at offset, or of the end if the text is shorter. */
struct v2m_place v2m_text_place(const char *text, size_t length, size_t offset);

/* The offset of the first byte of the value to which the steps lead from the root. The text has to
 * be valid JSON. If the steps lead nowhere, it is the offset of the last value on the way. */
size_t v2m_json_find(const char *text, size_t length, const struct v2m_json_step *steps,
		     size_t n_steps);

/* Overwrites comments with spaces, as V2Ray and Xray read them: from two slashes or # to the end of
 * the line, and from slash star to star slash. Line breaks and strings stay. Every other byte keeps
 * its offset. */
void v2m_json_blank_comments(char *text, size_t length);

/* Overwrites integers of more than 18 digits, which may not fit into 64 bits, and huge exponents
 * with fractions of the same length. A reader that does not know the member then passes over it. */
void v2m_json_tame_numbers(char *text, size_t length);

/* At least the number of values in the text, and at most one more for each empty list or object. */
size_t v2m_json_count_values(const char *text, size_t length);

#endif
