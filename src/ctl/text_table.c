// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/text_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "ctl/text.h"

struct cell {
	char *text;
	int width;
	enum v2m_style style;
};

struct v2m_text_table {
	const struct v2m_text_column *columns;
	size_t n_columns;
	V2M_ARRAY(struct cell) cells; /* row by row */
	bool failed;                  /* out of memory: a cell is missing */
};

static const char *const sequences[] = {
	[V2M_STYLE_TITLE] = "\033[1m", [V2M_STYLE_QUIET] = "\033[2m", [V2M_STYLE_GOOD] = "\033[32m",
	[V2M_STYLE_WARN] = "\033[33m", [V2M_STYLE_BAD] = "\033[31m",
};

const char *v2m_style_begin(enum v2m_style style, bool colour)
{
	return colour && style != V2M_STYLE_PLAIN ? sequences[style] : "";
}

const char *v2m_style_end(enum v2m_style style, bool colour)
{
	return colour && style != V2M_STYLE_PLAIN ? "\033[0m" : "";
}

bool v2m_colour_wanted(FILE *out)
{
	const char *terminal = getenv("TERM");
	const char *refusal = getenv("NO_COLOR");

	if (!terminal || !*terminal || strcmp(terminal, "dumb") == 0)
		return false;
	return !(refusal && *refusal) && isatty(fileno(out));
}

struct v2m_text_table *v2m_text_table_new(const struct v2m_text_column *columns, size_t n_columns)
{
	struct v2m_text_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->n_columns = n_columns;
	for (size_t i = 0; i < n_columns && columns[0].title; i++)
		v2m_text_table_cell(table, V2M_STYLE_TITLE, "%s", columns[i].title);
	return table;
}

void v2m_text_table_freep(struct v2m_text_table **table)
{
	if (!*table)
		return;
	for (size_t i = 0; i < (*table)->cells.count; i++)
		free((*table)->cells.items[i].text);
	v2m_array_clear(&(*table)->cells);
	free(*table);
}

void v2m_text_table_cell(struct v2m_text_table *table, enum v2m_style style, const char *format,
			 ...)
{
	V2M_FREE char *text = NULL;
	V2M_FREE char *clean = NULL;
	va_list arguments;
	int width;

	if (!table || table->failed)
		return;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text)
		clean = v2m_text_clean(text);
	width = clean ? v2m_text_width(clean) : 0;
	if (!clean || v2m_array_add(&table->cells, (struct cell){ clean, width, style }))
		table->failed = true;
	else
		clean = NULL; /* the cell owns it */
}

static int column_width(const struct v2m_text_table *table, size_t column)
{
	int width = 0;

	for (size_t i = column; i < table->cells.count; i += table->n_columns)
		if (table->cells.items[i].width > width)
			width = table->cells.items[i].width;
	return width;
}

static void print_cell(const struct v2m_text_table *table, size_t index, int width, FILE *out,
		       bool colour)
{
	const struct cell *cell = &table->cells.items[index];
	size_t column = index % table->n_columns;
	bool last = column + 1 == table->n_columns;
	int gap = width - cell->width;

	if (table->columns[column].right)
		fprintf(out, "%*s", gap, "");
	fprintf(out, "%s%s%s", v2m_style_begin(cell->style, colour), cell->text,
		v2m_style_end(cell->style, colour));
	if (!table->columns[column].right && !last)
		fprintf(out, "%*s", gap, "");
	fputs(last ? "\n" : "  ", out);
}

int v2m_text_table_print(const struct v2m_text_table *table, FILE *out, bool colour)
{
	V2M_FREE int *widths = NULL;

	if (!table || table->failed)
		return -ENOMEM;
	widths = calloc(table->n_columns, sizeof(*widths));
	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++)
		widths[i] = column_width(table, i);
	for (size_t i = 0; i < table->cells.count; i++)
		print_cell(table, i, widths[i % table->n_columns], out, colour);
	return 0;
}
