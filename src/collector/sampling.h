/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the kernel to the account, and from the account to the window. */
#ifndef V2METER_COLLECTOR_SAMPLING_H
#define V2METER_COLLECTOR_SAMPLING_H

#include <stdbool.h>

#include "collector/parts.h"

struct v2m_snapshot;

/* Reads the counters and accounts them to the active keys. 0 or -errno; the condition
 * counters_unreadable is set or cleared, and its changes are logged. */
int v2m_sampling_take(struct v2m_parts *parts);
/* Whether the list of connections and the look at all sockets that nobody waits for may come later,
 * see look_pace.h. They may not if something would be missed or late in a day: if the kernel does
 * not count the sessions, or if delivered bytes are billed. */
bool v2m_sampling_may_wait(const struct v2m_parts *parts);
/* Looks at all open sockets, and accounts what connections have delivered to the active keys. Does
 * nothing where that is not measured. Failures are logged: the next call accounts it. */
void v2m_sampling_take_delivered(struct v2m_parts *parts);
/* As v2m_sampling_take(), and with it the delivered bytes if "api_bytes" asks for them. -EOPNOTSUPP
 * if these are not measured: an answer would have figures that do not grow. */
int v2m_sampling_take_for_answer(struct v2m_parts *parts);
/* Accounts what the programs' maps hold while socket statistics are the source. These were read
 * just before. 0 or -errno. */
int v2m_sampling_take_programs(struct v2m_parts *parts);
/* Compares the last sample with the delivered bytes that were taken before it. */
void v2m_sampling_compare(struct v2m_parts *parts);
/* Takes the delivered bytes, unless that costs much and was just done, then dumps and accounts the
 * connections. 0 or -errno, logged; the last dump stays then. */
int v2m_sampling_dump_connections(struct v2m_parts *parts);
/* The same without the delivered bytes, which were just taken or may be older. */
int v2m_sampling_dump_only(struct v2m_parts *parts);

/* A snapshot of the last sample and the last dump. NULL: out of memory, logged. */
struct v2m_snapshot *v2m_sampling_make_snapshot(struct v2m_parts *parts);
/* Makes the window that follows the expired one active, and tells the answering process of it. If
 * nobody has read the expired one there is no next one. */
void v2m_sampling_renew_window(struct v2m_parts *parts);

#endif
