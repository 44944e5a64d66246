/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The addresses from which users are connected to proxies, as the proxies say. Plain data:
 * proxyapi/online.h asks a proxy for it. */
#ifndef V2METER_KEYS_ONLINE_USERS_H
#define V2METER_KEYS_ONLINE_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A user at one address. */
struct v2m_online_user {
	char *name;          /* the email of the user */
	uint8_t address[16]; /* network byte order; IPv4 in the IPv4-mapped form */
	int64_t seen_s;      /* when the user's last request from there began, Unix seconds */
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

/* An answer of the proxies. */
struct v2m_online_list {
	struct v2m_online_users users;
	bool is_known; /* the proxies can tell. A proxy names only users whose policy says so */
	/* When the proxy was asked and when it had answered, CLOCK_MONOTONIC; 0: never. */
	uint64_t asked_ns;
	uint64_t answered_ns;
};
/* Adds the answer of another proxy, if it is known: asked_ns becomes that of the proxy that was
 * asked first, and answered_ns that of the last answer. 0 or -ENOMEM. */
int v2m_online_list_join(struct v2m_online_list *list, const struct v2m_online_list *other);
void v2m_online_list_clear(struct v2m_online_list *list);

#endif
