/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Texts and bars of a fixed number of terminal columns. */
#ifndef V2METER_CTL_TOP_FIT_H
#define V2METER_CTL_TOP_FIT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes a cleaned text (text.h) into exactly width columns: cut, with a mark of one column at its
 * end, or filled with spaces, which are in front if right. ascii: characters beyond ASCII become
 * '?'. size bounds the bytes with the 0; 4 * width + 1 is always enough. */
void v2m_top_fit(const char *clean, int width, bool right, bool ascii, char *out, size_t size);

/* Writes a bar for a share from 0 to 1 into exactly width columns. ascii: of '#'; otherwise of
 * blocks, which show eighths of a column. A share above 0 shows something. */
void v2m_top_bar(double share, int width, bool ascii, char *out, size_t size);

#endif
