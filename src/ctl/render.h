/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prints JSON for a person. */
#ifndef V2METER_CTL_RENDER_H
#define V2METER_CTL_RENDER_H

#include <jansson.h>

#include "ctl/ctl.h"

/* Prints the document as JSON, indented, with its members in the server's order. V2M_REFUSED: out
 * of memory. */
enum v2m_outcome v2m_render_json(const json_t *document);

/* Prints an object without knowing its members: simple values as a list of names and values, an
 * array or object of objects as a table below its name. Members called *_bytes are sizes. */
enum v2m_outcome v2m_render_object(const struct v2m_ctl *ctl, const json_t *object);

/* The outcome for a result of v2m_text_table_print(); prints the error, if there is one. */
enum v2m_outcome v2m_render_done(int printed);

#endif
