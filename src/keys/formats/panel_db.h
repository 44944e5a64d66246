/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The SQLite file of the older panel. Its tables are "keys" (id, name, uuid, created_at, is_active,
 * port, short_id, sni) and "port_assignments" (uuid, port). Columns other than uuid may be missing,
 * and so may the second table. It is an error if a cell has more than a MiB.
 */
#ifndef V2METER_KEYS_FORMATS_PANEL_DB_H
#define V2METER_KEYS_FORMATS_PANEL_DB_H

#include "keys/formats/database.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Adds the keys to an empty list, which the caller clears either way. A key whose port is null gets
 * that of its assignment. 0; -EINVAL if a value or table is not as expected; -EBUSY if the panel
 * locks or writes the file; -EIO; or -ENOMEM. */
int v2m_panel_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes);

#endif
