// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "supply/refused.h"

#include <errno.h>

#define TRIES 3

static const struct v2m_refused_socket *find(const struct v2m_refused *refused, uint64_t inode)
{
	for (size_t i = 0; i < V2M_REFUSED_MAX; i++)
		if (refused->items[i].tries && refused->items[i].inode == inode)
			return &refused->items[i];
	return NULL;
}

bool v2m_refused_note(struct v2m_refused *refused, uint64_t inode, int result)
{
	struct v2m_refused_socket *made = (struct v2m_refused_socket *)find(refused, inode);

	if (!made) {
		made = &refused->items[refused->count++ % V2M_REFUSED_MAX];
		*made = (struct v2m_refused_socket){ .inode = inode };
	}
	/* Anything else is an answer. */
	made->tries = result == -ETIMEDOUT ? made->tries + 1 : TRIES;
	made->has_tls = result == -EPROTONOSUPPORT;
	return made->has_tls;
}

bool v2m_refused_is_final(const struct v2m_refused *refused, uint64_t inode)
{
	const struct v2m_refused_socket *found = find(refused, inode);

	return found && found->tries >= TRIES;
}

bool v2m_refused_has_tls(const struct v2m_refused *refused, uint64_t inode)
{
	const struct v2m_refused_socket *found = find(refused, inode);

	return found && found->has_tls;
}
