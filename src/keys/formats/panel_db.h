/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The older panel's SQLite file: its tables "keys" (id, name, uuid, created_at, is_active, port,
 * short_id, sni) and "port_assignments" (uuid, port). Columns other than uuid may be missing, and
 * so may the second table. The panel goes on using the file: it is opened read-only, and both
 * tables are read as they stand at one moment.
 */
#ifndef V2METER_KEYS_FORMATS_PANEL_DB_H
#define V2METER_KEYS_FORMATS_PANEL_DB_H

#include "keys/key_list.h"
#include "base/error.h"

/* The first bytes of every SQLite 3 file, with the 0 (sqlite.org, "Database File Format"). */
#define V2M_PANEL_DB_MAGIC "SQLite format 3"

/* Adds the keys to an empty list, which is the caller's to clear either way. A
 * key whose own port is null has that of its assignment. 0, -EINVAL for a value or a table that is
 * not as expected, -EBUSY where the panel holds the file locked or writes it, -EIO, or -ENOMEM. */
int v2m_panel_db_read(const char *path, struct v2m_key_list *keys, struct v2m_error *error);

#endif
