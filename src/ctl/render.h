/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* JSON on its way to a person. */
#ifndef V2METER_CTL_RENDER_H
#define V2METER_CTL_RENDER_H

#include "ctl/commands.h"

/* The document as such, indented, members in the server's order. V2M_REFUSED: out of memory. */
enum v2m_outcome v2m_render_json(const json_t *document);

/* An object of which nothing is known: what is simple as a list of names and values, an array or
 * object of objects as a table under its name. Members called *_bytes are sizes. */
enum v2m_outcome v2m_render_object(const struct v2m_ctl *ctl, const json_t *object);

/* Takes the outcome of v2m_table_print(). */
enum v2m_outcome v2m_render_done(int printed);

#endif
