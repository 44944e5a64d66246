/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How one inbound of the API reads in a V2Ray configuration. */
#ifndef V2METER_PROXYAPI_OPENING_H
#define V2METER_PROXYAPI_OPENING_H

#include <stdbool.h>

#include "json/json_writer.h"
#include "messages.pb-c.h"

/* id, name: NULL or "" if the user has none. level: of the proxy's policies. 0 or -ENOMEM. */
typedef int v2m_proxy_add_user(void *context, const char *id, const char *name, uint32_t level);

/* A protocol, found by the type of its settings. */
struct v2m_proxy_protocol {
	const char *type;      /* without "xray." or "v2ray.core." */
	const char *name;      /* in a configuration */
	const char *list;      /* the member with its users there */
	const char *id_member; /* the name of a user's id there; NULL: no ids */
	bool asks_users;       /* the API may know users that the settings do not have */
	bool has_manager;      /* it does so in every version */
	/* Writes the settings that matter, besides the users, and gives each user to add(). 0,
	 * -EPROTO: the settings are malformed, or what add() returned. NULL: nothing is known of
	 * them. */
	int (*read)(const V2mPb__Typed *settings, struct v2m_json_writer *json,
		    v2m_proxy_add_user *add, void *context);
};

/* The protocol of settings. NULL: it is not known. */
const struct v2m_proxy_protocol *v2m_proxy_protocol_of(const char *type);
/* The id of an account, which may be "". malloc'd; NULL: it is malformed, or out of memory. */
char *v2m_proxy_account_id(const V2mPb__Typed *account);

/* Writes the members "port", "listen" and "streamSettings". 0 or -EPROTO. */
int v2m_proxy_write_receiver(const V2mPb__Typed *receiver, struct v2m_json_writer *json);

#endif
