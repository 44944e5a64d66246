/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text from a server on its way to a person: nothing of it may steer the terminal. */
#ifndef V2METER_CTL_TEXT_H
#define V2METER_CTL_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/macros.h"

/* Call once, before the others: takes the character type locale of the environment, or C.UTF-8
 * where that one is not UTF-8 (a server's login often has none). */
void v2m_text_init(void);

/* A copy, the caller's to free, in which every character that is not printable (C0 and C1 controls,
 * DEL, bidirectional controls, tags, unassigned ones) is written \uXXXX, as JSON would, and every
 * byte that is not UTF-8 is '?'. NULL: out of memory. */
char *v2m_text_clean(const char *text);

/* The same for a JSON document, whose meaning it does not change: such characters can only be
 * within strings there. Its line breaks stay. */
char *v2m_text_clean_json(const char *document);

/* Terminal columns that a cleaned text takes. */
int v2m_text_width(const char *clean);

/* One line "v2meterctl: ..." on stderr, cleaned. */
void v2m_note(const char *format, ...) V2M_PRINTF(1, 2);

#endif
