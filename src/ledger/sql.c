// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*write_column)(FILE *out, const struct v2m_ledger_table *table,
			     const struct v2m_ledger_column *column);

static bool is_added(const struct v2m_ledger_column *column)
{
	return column->type == V2M_COLUMN_COUNTER || column->type == V2M_COLUMN_PEAK;
}

static void write_name(FILE *out, const struct v2m_ledger_table *table,
		       const struct v2m_ledger_column *column)
{
	(void)table;
	fputs(column->name, out);
}

static void write_value(FILE *out, const struct v2m_ledger_table *table,
			const struct v2m_ledger_column *column)
{
	(void)table;
	fputs(column->type == V2M_COLUMN_SUBJECT ? "(SELECT id FROM subjects WHERE name = ?)" : "?",
	      out);
}

static void write_moved(FILE *out, const struct v2m_ledger_table *table,
			const struct v2m_ledger_column *column)
{
	(void)table;
	fputs(column->type == V2M_COLUMN_SUBJECT ? "(SELECT id FROM subjects WHERE name = ?2)"
						 : column->name,
	      out);
}

static void write_copied(FILE *out, const struct v2m_ledger_table *table,
			 const struct v2m_ledger_column *column)
{
	(void)table;
	(void)column;
	fputc('?', out);
}

static void write_selected(FILE *out, const struct v2m_ledger_table *table,
			   const struct v2m_ledger_column *column)
{
	if (column->type == V2M_COLUMN_SUBJECT)
		fputs("s.name", out);
	else
		fprintf(out, "%s.%s", table->name, column->name);
}

static void write_replacement(FILE *out, const struct v2m_ledger_table *table,
			      const struct v2m_ledger_column *column)
{
	(void)table;
	fprintf(out, "%s = excluded.%s", column->name, column->name);
}

/* SQLite makes a float of a sum that is too large for an integer. */
static void write_addition(FILE *out, const struct v2m_ledger_table *table,
			   const struct v2m_ledger_column *column)
{
	const char *name = column->name;

	(void)table;
	if (column->type == V2M_COLUMN_PEAK)
		fprintf(out, "%s = max(%s, excluded.%s)", name, name, name);
	else
		fprintf(out, "%s = min(%s, %llu - excluded.%s) + excluded.%s", name, name,
			(unsigned long long)V2M_COUNTER_MAX, name, name);
}

static void write_list(FILE *out, const struct v2m_ledger_table *table, write_column write,
		       bool only_added)
{
	const char *separator = "";

	for (size_t i = 0; i < table->n_columns; i++) {
		if (only_added && !is_added(&table->columns[i]))
			continue;
		fputs(separator, out);
		write(out, table, &table->columns[i]);
		separator = ", ";
	}
}

static const struct word {
	const char *text;
	write_column write;
	bool only_added;
} words[] = {
	{ "$columns", write_name, false }, { "$values", write_value, false },
	{ "$row", write_selected, false }, { "$replace", write_replacement, false },
	{ "$add", write_addition, true },  { "$copied", write_copied, false },
	{ "$moved", write_moved, false },
};

/* Writes what the word at text stands for and returns the word's length; 0: no word is there. */
static size_t write_word(FILE *out, const struct v2m_ledger_table *table, const char *text)
{
	static const char table_word[] = "$table";

	if (strncmp(text, table_word, sizeof(table_word) - 1) == 0) {
		fputs(table->name, out);
		return sizeof(table_word) - 1;
	}
	for (size_t i = 0; i < V2M_ARRAY_LEN(words); i++) {
		if (strncmp(text, words[i].text, strlen(words[i].text)) != 0)
			continue;
		write_list(out, table, words[i].write, words[i].only_added);
		return strlen(words[i].text);
	}
	return 0;
}

/* Ends a text that was written into memory. */
static char *finish_text(FILE *out, char **text)
{
	if (fclose(out)) {
		free(*text);
		return NULL;
	}
	return *text;
}

char *v2m_sql_expand(const struct v2m_ledger_table *table, const char *text)
{
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (!out)
		return NULL;
	while (*text) {
		size_t length = write_word(out, table, text);

		if (!length)
			fputc(*text++, out);
		text += length;
	}
	return finish_text(out, &made);
}

char *v2m_sql_create(const struct v2m_ledger_table *table)
{
	bool has_rowid = strcmp(table->key, "rowid") == 0;
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);

	if (!out)
		return NULL;
	fprintf(out, "CREATE TABLE %s (", table->name);
	if (table->has_id)
		fputs("id INTEGER PRIMARY KEY, ", out);
	for (size_t i = 0; i < table->n_columns; i++)
		fprintf(out, "%s%s %s", i ? ", " : "", table->columns[i].name,
			v2m_ledger_column_sql_type(&table->columns[i]));
	if (table->unique)
		fprintf(out, ", UNIQUE (%s)", table->unique);
	if (has_rowid)
		fputs(");", out);
	else
		fprintf(out, ", PRIMARY KEY (%s)) WITHOUT ROWID;", table->key);
	if (table->index)
		fprintf(out, "CREATE INDEX %s_of_subject ON %s (%s);", table->name, table->name,
			table->index);
	return finish_text(out, &made);
}
