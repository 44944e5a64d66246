/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asks a proxy for the addresses from which its users are connected (StatsService of Xray). */
#ifndef V2METER_PROXYAPI_ONLINE_H
#define V2METER_PROXYAPI_ONLINE_H

#include <stdint.h>

#include "base/error.h"
#include "keys/online_users.h"
#include "proxyapi/grpc.h"

/* Beyond so many users who are online, a proxy that has to be asked for each one is not asked. */
#define V2M_ONLINE_ASKED_MAX 500

/*
 * Asks for the addresses of all users who are online, into an empty list. Recent versions of Xray
 * give them in one answer; others are asked for each user. A proxy knows them only if its policy
 * says so (statsUserOnline); without it the list is empty. 0; -EOPNOTSUPP: the proxy has no such
 * method; -E2BIG: it would have to be asked too often; or -errno as of v2m_grpc_call(). The list is
 * the caller's to clear either way. A user whose name no key can have has the name "".
 */
int v2m_online_users_ask(struct v2m_grpc *grpc, uint64_t deadline_ns,
			 struct v2m_online_users *users, struct v2m_error *error);

#endif
