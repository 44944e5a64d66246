/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Letters and characters, independent of the locale. */
#ifndef V2METER_BASE_TEXT_H
#define V2METER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the text with ASCII letters in lower case, at most size bytes with the 0; size is at
 * least 1. Returns the length of the text, as strlcpy(3) does: it was cut off if that is not below
 * size. */
size_t v2m_lower_case(const char *text, char *lower, size_t size);

/* Decodes the character at the start of a text that is not empty, and returns its length in bytes.
 * 0: it is not UTF-8; overlong forms, surrogates and values above U+10FFFF are not (RFC 3629).
 * character may be NULL. */
size_t v2m_utf8_decode(const char *text, uint32_t *character);

/* The length of the longest start of the text that has at most max bytes and ends behind a
 * character of UTF-8. */
size_t v2m_utf8_cut(const char *text, size_t max);

/* Replaces what a terminal could obey, in place: control characters (C0, DEL and C1) by a blank,
 * and bytes that are not UTF-8 by a question mark. */
void v2m_text_make_plain(char *text);

/* Whether the whole text is UTF-8. */
bool v2m_is_utf8(const char *text);

#endif
