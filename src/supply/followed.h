/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One API that is followed, and what it said last. */
#ifndef V2METER_SUPPLY_FOLLOWED_H
#define V2METER_SUPPLY_FOLLOWED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/asking.h"
#include "keys/live_source.h"
#include "supply/proxy_address.h"

struct v2m_followed {
	uint64_t number; /* in messages; each is used once */
	char *source;
	bool is_found; /* nobody named it: it is a socket of a running proxy */
	bool is_api;   /* it has answered as one */
	bool is_guess; /* the asking process gives it up unless its next answer is that of an API */
	uint64_t inode;
	uint64_t gone_ns; /* CLOCK_MONOTONIC when the proxy was seen to be gone; 0: it is there */
	bool has_address; /* otherwise it is never asked */
	struct v2m_proxy_address address;
	bool was_asked;
	char *text; /* NULL: it has not answered yet */
	size_t length;
	int result; /* of the last question: 0 or -errno */
	struct v2m_error error;
	unsigned n_failures;           /* in a row */
	struct v2m_proxy_stats stats;  /* empty if the proxy does not count */
	uint64_t stats_ns;             /* CLOCK_MONOTONIC when they came; 0: there are none */
	struct v2m_online_list online; /* empty if it cannot tell */
	uint64_t period_ns;            /* CLOCK_MONOTONIC; when the count of connections began */
	unsigned n_connects;
};

/* inode: of a socket that was found; 0: somebody has named the API. If the source is no address,
 * that is its answer. NULL: out of memory. */
struct v2m_followed *v2m_followed_new(const char *source, uint64_t number, uint64_t inode);
void v2m_followed_free(struct v2m_followed *followed);

/* False: there were more connections than questions need, so it has to wait for the next one. */
bool v2m_followed_may_connect(struct v2m_followed *followed);
/* Whether the API can be connected to. One that was found must still be a socket of the proxy. 0;
 * -ECONNREFUSED: not now; or V2M_ASKING_OVER. */
int v2m_followed_check_presence(struct v2m_followed *followed);
/* Connects to it, without waiting: see v2m_proxy_address_connect(). If a process that is no proxy
 * listens at the unix socket that was found: as v2m_followed_check_presence(). */
int v2m_followed_connect(const struct v2m_followed *followed);

/* Take in what the asking process says of it. 1: that is a reason to read the key sources again; 0;
 * or -ENOMEM. */
int v2m_followed_take_said(struct v2m_followed *followed, const struct v2m_asking_said *said);
/* 0, -EBADMSG or -ENOMEM. */
int v2m_followed_take_counted(struct v2m_followed *followed, struct v2m_wire *wire);
int v2m_followed_take_online(struct v2m_followed *followed, struct v2m_wire *wire);

/* Copies what it said last, into zeros. 0 or -ENOMEM. */
int v2m_followed_copy(const struct v2m_followed *followed, struct v2m_live_source *copy);

#endif
