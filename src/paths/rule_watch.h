/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads all that tells which ports are published, and notices changes: NAT rules of nftables and of
 * iptables-legacy, and connection tracking. All of the calling thread's network namespace.
 */
#ifndef V2METER_PATHS_RULE_WATCH_H
#define V2METER_PATHS_RULE_WATCH_H

#include "paths/conntrack.h"
#include "paths/published.h"

struct v2m_rule_watch;

/* NULL: out of memory. */
struct v2m_rule_watch *v2m_rule_watch_new(void);
/* Does nothing on NULL. */
void v2m_rule_watch_free(struct v2m_rule_watch *watch);

/* Readable when a rule of nftables has changed; -1: nobody tells. */
int v2m_rule_watch_fd(const struct v2m_rule_watch *watch);
/* Whether something has changed since it was read. True at most once a second, and so seldom that
 * reading and using them takes 2 % of the time. Looks every 5 s at what nobody tells of, or more
 * seldom if that takes long. */
bool v2m_rule_watch_is_due(struct v2m_rule_watch *watch);

/* Adds the rules of all kinds, and tells how they could be read. The caller clears the list. */
void v2m_rule_watch_read(struct v2m_rule_watch *watch, struct v2m_nat_rules *rules,
			 struct v2m_published_reading *read);
/* The caller has done its work with the rules: this took time, too. again: the work depends on who
 * listens, which nobody tells of, or a part of it failed, so it is due again after 5 s. */
void v2m_rule_watch_was_used(struct v2m_rule_watch *watch, bool again);
/* What connections have shown since the rules were last changed, as of the last look. */
const struct v2m_tracked_list *v2m_rule_watch_tracked(const struct v2m_rule_watch *watch);

#endif
