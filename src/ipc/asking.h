/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the counting process and the asking process say to each other. The asking process talks to
 * the APIs of proxies, on connections that the counting process makes for it. An API has a number,
 * which is the id of each message about it.
 */
#ifndef V2METER_IPC_ASKING_H
#define V2METER_IPC_ASKING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "keys/online_users.h"
#include "keys/proxy_stats.h"
#include "process/wire.h"

/* The only argument of the asking process. */
#define V2M_ASKING_ARGUMENT "--asking-process"

enum v2m_asking_message {
	V2M_ASKING_FOLLOW,    /* to it: struct v2m_asking_order; again if it has changed */
	V2M_ASKING_CONNECTED, /* to it: an answer to V2M_ASKING_CONNECT: 0 and a socket, or -errno
			       */
	V2M_ASKING_READY,     /* from it: the enum v2m_protection bits that it lacks */
	V2M_ASKING_CONNECT,   /* from it: it needs a connection, and waits for the answer */
	V2M_ASKING_SAID,      /* from it: struct v2m_asking_said */
	V2M_ASKING_COUNTED, /* from it: struct v2m_proxy_stats; empty if the proxy does not count */
	V2M_ASKING_ONLINE,  /* from it: struct v2m_online_list */
};

/* More than the proxies of one host. */
#define V2M_ASKING_APIS_MAX 64

/* The result of V2M_ASKING_CONNECT that ends the asking of an API. */
#define V2M_ASKING_OVER (-ESHUTDOWN)

/* The longest messages in bytes. */
#define V2M_ASKING_ORDER_MAX 8192
#define V2M_ASKING_SAID_MAX  (64u << 20)

/* The texts of all APIs together, which go to the reading process in one message. */
#define V2M_ASKING_TEXTS_MAX (48u << 20)

/* The users of all proxies that are counted, and their addresses. */
#define V2M_ASKING_COUNTERS_MAX  100000
#define V2M_ASKING_ADDRESSES_MAX 200000

struct v2m_asking_order {
	char *source;         /* names the API in errors */
	uint64_t interval_ns; /* how often it is asked */
	bool verbose;
	bool wants_online; /* ask for the users who are online, too */
	bool is_guess;     /* it may be something else: then it is not asked again, see
			      v2m_asking_is_api() */
};

/* The outcome of a question for inbounds and users. */
struct v2m_asking_said {
	int32_t result; /* 0 or -errno with a sentence */
	struct v2m_error error;
	const char *text; /* the inbounds and users if they have changed, as a V2Ray configuration;
			     in the message that was read, and not terminated */
	size_t length;    /* 0: they have not changed */
};

/* Whether the outcome of a question is that of an API, and not of another server. */
bool v2m_asking_is_api(int result);

/* Each writes or reads (process/wire.h). What was read is the caller's to clear. */
void v2m_put_asking_order(struct v2m_wire *wire, struct v2m_asking_order *order);
void v2m_put_asking_said(struct v2m_wire *wire, struct v2m_asking_said *said);
void v2m_put_asking_counted(struct v2m_wire *wire, struct v2m_proxy_stats *stats);
void v2m_put_asking_online(struct v2m_wire *wire, struct v2m_online_list *online);

/* Check what was read beyond its form. False: whoever wrote it is not our asking process, or is
 * broken. Sentences that are not UTF-8 are made so, and lists are brought into order. */
bool v2m_asking_said_is_allowed(struct v2m_asking_said *said);
bool v2m_asking_counted_is_allowed(struct v2m_proxy_stats *stats);
bool v2m_asking_online_is_allowed(struct v2m_online_list *online);

void v2m_asking_order_clear(struct v2m_asking_order *order);

#endif
