/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The asking process's side of the channel to the counting process. If that is gone, or says
 * something else than expected, the process ends. */
#ifndef V2METER_ASKING_TALK_H
#define V2METER_ASKING_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/asking.h"

/* Called with each order to follow an API, also during v2m_talk_connect(). */
typedef void v2m_talk_take(uint64_t number, struct v2m_asking_order *order, void *context);

struct v2m_talk {
	v2m_talk_take *take;
	void *context;
};

/* Ends the process. */
_Noreturn void v2m_talk_end(const char *why);

/* Waits until there is an order, at most that long (-1: without end), and takes what there is. */
void v2m_talk_listen(const struct v2m_talk *talk, int timeout_ms);
/* Has the counting process connect to an API. A socket, or -errno. */
int v2m_talk_connect(const struct v2m_talk *talk, uint64_t number);

void v2m_talk_ready(uint32_t unprotected);
void v2m_talk_said(uint64_t number, struct v2m_asking_said *said);
void v2m_talk_counted(uint64_t number, struct v2m_proxy_stats *stats);
void v2m_talk_online(uint64_t number, struct v2m_online_list *online);

#endif
