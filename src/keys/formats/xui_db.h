/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The database of x-ui and 3x-ui, /etc/x-ui/x-ui.db. The schema is that of their public models
 * (package database/model). The table "inbounds" has an inbound of Xray in each row; its settings
 * are JSON. Older versions keep the users there. 3x-ui 3 keeps them in the tables "clients" and
 * "client_inbounds", which count if they have rows. The configuration's template in the table
 * "settings" may have further inbounds.
 *
 * A user is inactive if the panel has switched him off, which it also does when his time or volume
 * is used up: "enable" is false in his own record or in "client_traffics". So are all users of an
 * inbound that is switched off. Inbounds of other servers (node_id) are left out.
 */
#ifndef V2METER_KEYS_FORMATS_XUI_DB_H
#define V2METER_KEYS_FORMATS_XUI_DB_H

#include "keys/formats/database.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Adds the keys to an empty list. 0 or -errno with the error of the database. */
int v2m_xui_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		    struct v2m_key_notes *notes);

#endif
