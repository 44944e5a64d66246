/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has the APIs that the settings and the configurations of proxies name asked by the asking
 * process, and hands what they said to the readers of key sources. A user who was added or removed
 * is known within five seconds. What the asking process says is checked as if it came from the
 * internet.
 */
#ifndef V2METER_SUPPLY_LIVE_SUPPLY_H
#define V2METER_SUPPLY_LIVE_SUPPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/string_list.h"
#include "ipc/asking.h"
#include "keys/live_source.h"

struct v2m_live_supply;

/* How often each API is asked. */
#define V2M_LIVE_INTERVAL_NS (4 * UINT64_C(1000000000))
#define V2M_LIVE_PAUSE_MS    300

struct v2m_live_options {
	const char *argument; /* of the asking process */
	uint64_t interval_ns; /* how often each API is asked */
	unsigned pause_ms;    /* before an asking process that has ended is replaced */
};

/* The asking process of the daemon. */
#define V2M_LIVE_OPTIONS                                                                           \
	((struct v2m_live_options){ V2M_ASKING_ARGUMENT, V2M_LIVE_INTERVAL_NS, V2M_LIVE_PAUSE_MS })

/* Follows the APIs among the key sources. Without any, there is no asking process. 0 or -errno. */
int v2m_live_supply_open(const struct v2m_live_options *options,
			 const struct v2m_strings *key_sources, struct v2m_live_supply **supply);
/* Ends the asking process. NULL: does nothing. */
void v2m_live_supply_close(struct v2m_live_supply *supply);

/* Readable when v2m_live_supply_drain() has something to do. */
int v2m_live_supply_fd(const struct v2m_live_supply *supply);
/* Takes in what the asking process says, without waiting. True: an API has news, so the key sources
 * have to be read again. */
bool v2m_live_supply_drain(struct v2m_live_supply *supply);

/* Follows these APIs from now on, which a reading has found (struct v2m_gathered). 1: one of them
 * is new; 0; or -ENOMEM. */
int v2m_live_supply_learn(struct v2m_live_supply *supply, const struct v2m_strings *apis);
/* Tries whether a socket of a running proxy is its API. If it is, it is followed until the proxy
 * has been gone for a minute; if not, this socket is not tried again. */
void v2m_live_supply_try(struct v2m_live_supply *supply, const char *source, uint64_t inode);
/* Whether an API has said which users it has. */
bool v2m_live_supply_has_answer(const struct v2m_live_supply *supply);
/* Whether a socket that was tried has TLS, so that it cannot be asked, and no API answers. */
bool v2m_live_supply_has_tls(const struct v2m_live_supply *supply, uint64_t inode);
/* Adds the APIs that were found so and have said which users they have. 0 or -ENOMEM. */
int v2m_live_supply_found(const struct v2m_live_supply *supply, struct v2m_strings *found);

/* Adds what each API said last. An API that has not answered yet has -EAGAIN. waits: an API that
 * has not been asked yet is waited for, some seconds at most. 0 or -ENOMEM. */
int v2m_live_supply_collect(struct v2m_live_supply *supply, bool waits,
			    struct v2m_live_sources *live);

/* Adds what all proxies have counted for their users to an empty list, if a proxy has answered
 * again since *number, which is set then. Counters that came earlier than those of the newest
 * answer by more than the interval are old. 1: one has answered; 0: none has; or -ENOMEM. */
int v2m_live_supply_stats(const struct v2m_live_supply *supply, struct v2m_proxy_stats *stats,
			  uint64_t *number);
/* Whether proxies are asked for the users who are online. At first they are not. */
void v2m_live_supply_want_online(struct v2m_live_supply *supply, bool wants);
/* The same as v2m_live_supply_stats() of the addresses from which users are connected. is_known:
 * all proxies that have said which users they have can tell. asked_ns is that of the proxy that was
 * asked first, and answered_ns that of the last answer. */
int v2m_live_supply_online(const struct v2m_live_supply *supply, struct v2m_online_list *online,
			   uint64_t *number);

#endif
