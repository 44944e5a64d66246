/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The addresses from which users are connected to proxies, as the proxies say. Plain data:
 * proxyapi/online.h asks a proxy for it. */
#ifndef V2METER_KEYS_ONLINE_USERS_H
#define V2METER_KEYS_ONLINE_USERS_H

#include <stddef.h>
#include <stdint.h>

/* A user at one address. */
struct v2m_online_user {
	char *name;          /* the email of the user */
	uint8_t address[16]; /* network byte order; IPv4 in the IPv4-mapped form */
	int64_t seen_s;      /* when the last connection began, in seconds since 1970 */
};

struct v2m_online_users {
	struct v2m_online_user *items; /* ordered by address, then name; each pair once */
	size_t count;
	size_t capacity;
};

/* Adds copies of the users of another proxy. 0 or -ENOMEM. */
int v2m_online_users_add(struct v2m_online_users *users, const struct v2m_online_users *others);
/* Brings items that were added in any order into order. Of a pair that is there twice, the one that
 * was seen last stays. */
void v2m_online_users_sort(struct v2m_online_users *users);
/* The users at an address: *count items from the returned one on; NULL and 0 if there are none. */
const struct v2m_online_user *v2m_online_users_at(const struct v2m_online_users *users,
						  const uint8_t address[static 16], size_t *count);
void v2m_online_users_clear(struct v2m_online_users *users);

#endif
