/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of text, for people. */
#ifndef V2METER_CTL_TEXT_TABLE_H
#define V2METER_CTL_TEXT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/macros.h"

enum v2m_style {
	V2M_STYLE_PLAIN,
	V2M_STYLE_TITLE,
	V2M_STYLE_QUIET,
	V2M_STYLE_GOOD,
	V2M_STYLE_WARN,
	V2M_STYLE_BAD,
};

struct v2m_text_column {
	const char *title; /* NULL in every column: the table has no line of titles */
	bool right;        /* align to the right, for numbers */
};

struct v2m_text_table;

/* The columns must outlive the table. NULL: out of memory; every function below accepts NULL. */
struct v2m_text_table *v2m_text_table_new(const struct v2m_text_column *columns, size_t n_columns);
void v2m_text_table_freep(struct v2m_text_table **table);
#define V2M_TEXT_TABLE V2M_CLEANUP(v2m_text_table_freep) struct v2m_text_table

/* Adds the next cell, from left to right and row by row. Cleans the text (text.h). */
void v2m_text_table_cell(struct v2m_text_table *table, enum v2m_style style, const char *format,
			 ...) V2M_PRINTF(3, 4);

/* Prints the table, aligned by terminal columns, with two spaces between columns and none at the
 * end of a line. 0; -ENOMEM if a cell was lost: nothing is printed then. */
int v2m_text_table_print(const struct v2m_text_table *table, FILE *out, bool colour);

/* Whether to use colours: out is a terminal, $TERM is neither empty nor "dumb", and $NO_COLOR is
 * not set or empty (no-color.org). */
bool v2m_colour_wanted(FILE *out);

/* The escape sequences before and after a text of that style; "" without colour. */
const char *v2m_style_begin(enum v2m_style style, bool colour);
const char *v2m_style_end(enum v2m_style style, bool colour);

#endif
