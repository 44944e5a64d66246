/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The database of s-ui, a panel for sing-box: /usr/local/s-ui/db/s-ui.db. The schema is that of its
 * public models (package database/model). "inbounds" has a type, a tag and the further options of
 * an inbound as JSON. "clients" has the users: "config" holds an object for each type, and
 * "inbounds" is the list of the numbers of their inbounds. A user is inactive if "enable" is false.
 */
#ifndef V2METER_KEYS_FORMATS_SUI_DB_H
#define V2METER_KEYS_FORMATS_SUI_DB_H

#include "keys/formats/database.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Adds the keys to an empty list. 0 or -errno with the error of the database. */
int v2m_sui_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		    struct v2m_key_notes *notes);

#endif
