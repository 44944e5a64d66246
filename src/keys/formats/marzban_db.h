/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The databases of Marzban (/var/lib/marzban/db.sqlite3) and of PasarGuard. The schemas are those
 * of their public models (app/db/models.py).
 *
 * Marzban's inbounds stand in xray_config.json in the directory of the database. The table
 * "proxies" lists the protocols of a user. He gets all inbounds of these protocols, except those
 * that "exclude_inbounds_association" names for him. PasarGuard keeps the configurations in the
 * table "core_configs", and a user gets the inbounds of his groups. Both name a user "ID.USERNAME"
 * for the proxy. A user whose status is not "active" or "on_hold" is inactive.
 */
#ifndef V2METER_KEYS_FORMATS_MARZBAN_DB_H
#define V2METER_KEYS_FORMATS_MARZBAN_DB_H

#include "keys/formats/database.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Add the keys to an empty list. 0 or -errno with the error of the database. */
int v2m_marzban_db_read(struct v2m_database *database, struct v2m_key_list *keys,
			struct v2m_key_notes *notes);
int v2m_pasarguard_db_read(struct v2m_database *database, struct v2m_key_list *keys,
			   struct v2m_key_notes *notes);

#endif
