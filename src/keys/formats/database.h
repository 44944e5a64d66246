/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading the SQLite database of a panel, which goes on using it. The file is opened read-only, and
 * all tables are read as of one moment. Rows in a write-ahead log or a rollback journal are
 * respected as the panel's own SQLite would respect them. Whatever the tables are, views too,
 * reading ends after 2 seconds, and with an error after V2M_MAX_KEY_ENTRIES rows of a statement.
 */
#ifndef V2METER_KEYS_FORMATS_DATABASE_H
#define V2METER_KEYS_FORMATS_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

/* The first bytes of every SQLite 3 file, with the 0 (sqlite.org, "Database File Format"). */
#define V2M_DATABASE_MAGIC "SQLite format 3"

struct v2m_database {
	const char *path;
	struct sqlite3 *sqlite;
	uint64_t end_ns; /* CLOCK_MONOTONIC */
	struct v2m_error *error;
};

/* Opens the file and calls read with the open database. 0; the error of read; -EINVAL if reading
 * takes too long; -EBUSY if the panel locks or writes the file; -EIO; or -ENOMEM. */
int v2m_database_read(const char *path, int (*read)(struct v2m_database *database, void *context),
		      void *context, struct v2m_error *error);

/* Whether there is such a table or view with such a column. */
bool v2m_database_has(struct v2m_database *database, const char *table, const char *column);

/* Calls take for each row of a query, with the row in statement, until it returns an error. 0, that
 * error, or -errno. */
int v2m_database_each(struct v2m_database *database, const char *sql,
		      int (*take)(void *context, struct sqlite3_stmt *statement), void *context);
void v2m_database_finalize(struct sqlite3_stmt **statement);

/* Sets the error to SQLite's last one. Returns -errno. */
int v2m_database_fail(struct v2m_database *database);
int v2m_database_out_of_memory(struct v2m_database *database);

#endif
