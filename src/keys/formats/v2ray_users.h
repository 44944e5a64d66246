/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The users of an inbound of a V2Ray or Xray configuration. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_USERS_H
#define V2METER_KEYS_FORMATS_V2RAY_USERS_H

#include "json/json_doc.h"
#include "keys/keys.h"

/* Must not be moved: its nodes point to each other and to the inbound. */
struct v2m_v2ray_users {
	struct v2m_json_node settings;
	struct v2m_json_node list; /* one user each; without a value if it is empty */
	bool is_single;            /* the inbound itself has a password, in place of a list */
	const char *none;          /* why there are no users; NULL if there are */
	bool is_unknown;           /* the protocol is not known: there may be users all the same */
	bool has_ids;              /* a user that is only a string is an id, not a password */
};

/* Finds the users by the names that the protocol has for them ("clients", "accounts", "users",
 * "peers"; the older names win, as in Xray). 0 or -EINVAL. */
int v2m_v2ray_users_find(const struct v2m_json_node *inbound, struct v2m_v2ray_users *users,
			 struct v2m_error *error);
/* The number of users. */
size_t v2m_v2ray_users_count(const struct v2m_v2ray_users *users);
/* The user at a place below the number. Points into users. */
struct v2m_json_node v2m_v2ray_users_item(const struct v2m_v2ray_users *users, size_t place);

struct v2m_v2ray_user {
	const char *id;    /* of VMess and VLESS; NULL if there is none */
	const char *email; /* or the name of an account; NULL if there is none */
	const char *key;   /* public key of WireGuard, which is no secret; NULL if there is none */
	bool is_inactive;  /* a panel has switched the user off */
	struct v2m_key_terms terms; /* that a panel has agreed */
};

/* The member of a user whom a panel has switched off. No proxy knows it. It counts only in
 * documents that were made by us. */
#define V2M_PANEL_INACTIVE "v2meter-inactive"
/* Members of a user, of the same kind: bytes, and Unix seconds. */
#define V2M_PANEL_LIMIT   "v2meter-limit"
#define V2M_PANEL_EXPIRES "v2meter-expires"
bool v2m_v2ray_user_is_inactive(const struct v2m_json_node *node);

/* Reads a user, which lives as long as the document. An email may have any length; an id has at
 * most V2M_V2RAY_MAX_TEXT bytes. 0 or -EINVAL. */
int v2m_v2ray_user_read(const struct v2m_v2ray_users *users, const struct v2m_json_node *node,
			struct v2m_v2ray_user *user, struct v2m_error *error);

/* With ":65535" behind it, such a text still fits into a name or subject. */
#define V2M_V2RAY_MAX_TEXT (V2M_JSON_MAX_STRING - 8)

/* A string that may be absent or empty: *text is NULL then. 0, or -EINVAL if it is no string. */
int v2m_v2ray_text(const struct v2m_json_node *parent, const char *name, const char **text,
		   struct v2m_error *error);

#endif
