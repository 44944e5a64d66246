/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes SQL text from the list of columns. The caller frees the text. NULL: out of memory. */
#ifndef V2METER_LEDGER_SQL_H
#define V2METER_LEDGER_SQL_H

#include "ledger/columns.h"

/* CREATE TABLE, and CREATE INDEX where there is one. */
char *v2m_sql_create(const struct v2m_ledger_table *table);

/*
 * The text with these words replaced:
 *
 *     $table    the table's name
 *     $columns  the names of the columns
 *     $values   a parameter for each column; the subject's id is looked up by its name
 *     $copied   a parameter for each column, as the table stores it
 *     $row      what to select for v2m_row_read(), where s is the table of subjects
 *     $moved    the names of the columns; the id of the subject named ?2 takes the place of the
 *               subject's
 *     $replace  "column = excluded.column" for each column
 *     $add      the same, but counters are added up to V2M_COUNTER_MAX and the larger peak is kept;
 *               only of these columns
 *
 * table may be NULL for a text without such words.
 */
char *v2m_sql_expand(const struct v2m_ledger_table *table, const char *text);

#endif
