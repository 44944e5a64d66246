/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The configuration that a panel makes of its database for the proxy, or that we make of another
 * proxy's. Each reader makes the inbounds, and the rules of V2Ray and Xray (v2ray_config.h) make
 * keys of them.
 */
#ifndef V2METER_KEYS_FORMATS_PANEL_CONFIG_H
#define V2METER_KEYS_FORMATS_PANEL_CONFIG_H

#include <jansson.h>

#include "json/json_doc.h"
#include "keys/formats/database.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Parses the JSON in a cell. NULL: the cell is empty, or is no JSON, which is noted: what names the
 * cell, such as "inbound 7: settings". */
json_t *v2m_panel_cell(struct v2m_database *database, struct sqlite3_stmt *statement, int column,
		       const char *what, struct v2m_key_notes *notes);
/* The text of a cell; "" if it is empty or no UTF-8. Good until the next step. */
const char *v2m_panel_text(struct sqlite3_stmt *statement, int column);
/* Whether a cell holds a truth: not NULL, 0, "" or "false". */
bool v2m_panel_is_true(struct sqlite3_stmt *statement, int column);

/* A user with an email; the member name, such as "id", has the value, unless it is NULL or "".
 * NULL: out of memory. */
json_t *v2m_panel_user(const char *email, const char *name, const char *value, bool is_active);

/* Gives a user of an inbound a limit in bytes, and an expiry in Unix seconds; 0 and below are none.
 * 0 or -ENOMEM. */
int v2m_panel_set_terms(json_t *user, int64_t limit_bytes, int64_t expires_s);
/* The Unix seconds of a cell with seconds, or with a date and time in UTC as SQLAlchemy writes
 * them; 0 if it is neither. */
int64_t v2m_panel_time(struct sqlite3_stmt *statement, int column);

/* Reads the keys of a configuration {"inbounds": list}. Takes over the list, which may be NULL if
 * memory ran out. 0 or -errno. */
int v2m_panel_read_inbounds(struct v2m_database *database, json_t *list, struct v2m_key_list *keys,
			    struct v2m_key_notes *notes);

/* Reads the keys of documents in another form. translate sets made->root, which is freed, to the
 * configuration that it makes of doc. It returns 0 or -ENOMEM. 0 or -errno. */
int v2m_panel_read_translated(const struct v2m_json_doc *docs, size_t n_docs,
			      int (*translate)(const struct v2m_json_doc *doc,
					       struct v2m_json_doc *made),
			      struct v2m_key_list *keys, struct v2m_key_notes *notes,
			      struct v2m_error *error);

#endif
