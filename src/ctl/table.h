/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables for people. */
#ifndef V2METER_CTL_TABLE_H
#define V2METER_CTL_TABLE_H

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

struct v2m_column {
	const char *title; /* NULL in every column: no line of titles */
	bool right;        /* for numbers */
};

struct v2m_table;

/* The columns must outlive the table. NULL: out of memory, which every function below takes. */
struct v2m_table *v2m_table_new(const struct v2m_column *columns, size_t n_columns);
void v2m_table_freep(struct v2m_table **table);
#define V2M_TABLE V2M_CLEANUP(v2m_table_freep) struct v2m_table

/* The next cell, from left to right and row by row. The text is cleaned (text.h). */
void v2m_table_cell(struct v2m_table *table, enum v2m_style style, const char *format, ...)
	V2M_PRINTF(3, 4);

/* Aligned by terminal columns, two spaces between, none at the end of a line.
 * 0, or -ENOMEM where a cell was lost: nothing is printed then. */
int v2m_table_print(const struct v2m_table *table, FILE *out, bool colour);

/* Whether colours are welcome: a terminal, $TERM neither empty nor "dumb", and no $NO_COLOR
 * (no-color.org: set and not empty). */
bool v2m_colour_wanted(FILE *out);

/* The escape sequences around a text of that style; "" without colour. */
const char *v2m_style_begin(enum v2m_style style, bool colour);
const char *v2m_style_end(enum v2m_style style, bool colour);

#endif
