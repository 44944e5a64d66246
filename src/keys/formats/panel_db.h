/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The SQLite file of the older panel. Its tables are "keys" (id, name, uuid, created_at, is_active,
 * port, short_id, sni) and "port_assignments" (uuid, port). Columns other than uuid may be missing,
 * and so may the second table. The panel goes on using the file, so it is opened read-only, and
 * both tables are read as of one moment. Whatever the tables are, views too, reading ends after 2
 * seconds, and with an error after V2M_MAX_KEYS rows or at a cell of more than a MiB.
 */
#ifndef V2METER_KEYS_FORMATS_PANEL_DB_H
#define V2METER_KEYS_FORMATS_PANEL_DB_H

#include "keys/key_list.h"
#include "base/error.h"

/* The first bytes of every SQLite 3 file, with the 0 (sqlite.org, "Database File Format"). */
#define V2M_PANEL_DB_MAGIC "SQLite format 3"

/* Adds the keys to an empty list, which the caller clears either way. A key whose port is null gets
 * that of its assignment. 0; -EINVAL if a value or table is not as expected; -EBUSY if the panel
 * locks or writes the file; -EIO; or -ENOMEM. */
int v2m_panel_db_read(const char *path, struct v2m_key_list *keys, struct v2m_error *error);

#endif
