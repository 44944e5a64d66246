/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inbounds of a running proxy, as its API describes them, and their translation to a V2Ray
 * configuration. The readers of key sources read that text as they read a file, so a user has the
 * same key whichever way it is found.
 */
#ifndef V2METER_PROXYAPI_INBOUND_H
#define V2METER_PROXYAPI_INBOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proxyapi/grpc_message.h"

struct v2m_proxy_user {
	char *id;   /* the UUID, or the public key of WireGuard; NULL if the protocol has none */
	char *name; /* the email; NULL: it has none */
	uint32_t level;
};

struct v2m_proxy_inbound {
	char *tag; /* "" if it has none */
	/* The text of its configuration, up to the bracket that opens the list of its users. */
	char *opening;
	const char *id_member; /* the name of a user's id there; NULL: no ids */
	/* Whether the API may know further users, and whether it is an error if it does not. */
	bool asks_users;
	bool has_manager;
	struct v2m_proxy_user *users; /* each only once */
	size_t n_users;
};

struct v2m_proxy_inbounds {
	struct v2m_proxy_inbound *items; /* ordered by their tags */
	size_t count;
	size_t capacity;
};

/* Reads an answer to ListInbounds into an empty list, with the users of the configuration with
 * which each inbound was made. 0, -EPROTO with *error, or -ENOMEM; the list is the caller's to
 * clear either way. */
int v2m_proxy_inbounds_read(const struct v2m_grpc_message *answer,
			    struct v2m_proxy_inbounds *inbounds, struct v2m_error *error);
/* Replaces the users by those of an answer to GetInboundUsers. Users without an email stay, because
 * the API neither shows nor removes them. 0, -EPROTO or -ENOMEM. */
int v2m_proxy_inbound_set_users(struct v2m_proxy_inbound *inbound,
				const struct v2m_grpc_message *answer, struct v2m_error *error);
/* Adds the inbounds and users that only the earlier list has. 0 or -ENOMEM. */
int v2m_proxy_inbounds_keep(struct v2m_proxy_inbounds *inbounds,
			    const struct v2m_proxy_inbounds *earlier);
/* Writes the inbounds as a configuration, malloc'd. 0 or -ENOMEM. */
int v2m_proxy_inbounds_write(const struct v2m_proxy_inbounds *inbounds, char **text,
			     size_t *length);
void v2m_proxy_inbounds_clear(struct v2m_proxy_inbounds *inbounds);

#endif
