/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text from a server, made safe for a terminal: it cannot control the terminal. */
#ifndef V2METER_CTL_TEXT_H
#define V2METER_CTL_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/macros.h"

/* Call once, before the other functions. Sets the character type locale from the environment, or
 * C.UTF-8 if that locale is not UTF-8 (logins on servers often have none). */
void v2m_text_init(void);

/* A copy, which the caller frees. Every character that is not printable (C0 and C1 controls, DEL,
 * bidirectional controls, tags, unassigned characters) becomes \uXXXX as in JSON, and every byte
 * that is not UTF-8 becomes '?'. NULL: out of memory. */
char *v2m_text_clean(const char *text);

/* The same for a JSON document, which keeps its line breaks. Its meaning does not change: other
 * such characters can stand only inside strings. */
char *v2m_text_clean_json(const char *document);

/* Number of terminal columns that a cleaned text takes. */
int v2m_text_width(const char *clean);

/* Writes the line "v2meterctl: ..." to stderr, cleaned. */
void v2m_note(const char *format, ...) V2M_PRINTF(1, 2);

#endif
