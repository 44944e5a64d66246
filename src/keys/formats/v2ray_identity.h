/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The identity of a user of an inbound: the text that names the user, and the comparison of two
 * users. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_IDENTITY_H
#define V2METER_KEYS_FORMATS_V2RAY_IDENTITY_H

#include "base/name_index.h"
#include "keys/formats/v2ray_users.h"

/* Room for a string of the file with ":65535", or with "#" and a number. */
#define V2M_V2RAY_IDENTITY_LEN (V2M_JSON_MAX_STRING + 32)

struct v2m_v2ray_identity {
	char text[V2M_V2RAY_IDENTITY_LEN];  /* from which the id of the key is made */
	char uuid[V2M_JSON_MAX_STRING + 1]; /* "" if the protocol has none */
	char name[V2M_V2RAY_MAX_TEXT + 1];  /* the email, cut if it is too long; "" without one */
};

/* Finds out who a user is. Without an id the text is the email, else the public key, else what the
 * inbound is known by, with "#2" behind it for the user at place 1, and so on. */
void v2m_v2ray_identify(const struct v2m_v2ray_user *user, const char *inbound, size_t place,
			struct v2m_v2ray_identity *identity);

/* Writes a text that fits as it is, or else its start and a hash of all of it. size is more than
 * V2M_V2RAY_MAX_TEXT. */
void v2m_v2ray_shorten(const char *text, char *shortened, size_t size);

/* Remembers the number of a user. An id and an email with the same text are different users; an id
 * that is no UUID is the same as the UUID that the proxy makes of it. 0 or -ENOMEM. */
int v2m_v2ray_identity_add(struct v2m_name_index *known, const struct v2m_v2ray_identity *identity,
			   size_t number);
/* False: no such user is known. */
bool v2m_v2ray_identity_find(const struct v2m_name_index *known,
			     const struct v2m_v2ray_identity *identity, size_t *number);

#endif
