// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/rule_watch.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "paths/legacy_rules.h"
#include "paths/nat_chains.h"
#include "paths/nft_rules.h"

/* Rules may change in bursts, and there may be very many. Reading and using them takes 2 % of the
 * time at most. */
#define RULES_SHARE 50
/* There may be very many connections, too, and all of them are read at once: 14,000 whose
 * destination was changed take 34 ms. That is 0.2 % of the time at most. */
#define CONNECTIONS_SHARE 500
#define READ_INTERVAL_NS  UINT64_C(1000000000)
/* Nobody tells of changes in the tables of iptables-legacy, or of new connections. */
#define LOOK_INTERVAL_NS (5 * UINT64_C(1000000000))

/* When something was done last, CLOCK_MONOTONIC, and how long it took. */
struct done {
	uint64_t begun_ns;
	uint64_t cost_ns;
};

struct v2m_rule_watch {
	int fd;              /* negative: nobody tells of changes */
	bool changed;        /* since the last reading */
	bool again;          /* they are to be read again, even if nothing has changed */
	bool stale;          /* what connections have shown was under other rules */
	struct done opening; /* of fd */
	struct done reading;
	struct done legacy;
	struct done connections;
	uint64_t legacy_digest; /* of the rules of iptables-legacy */
	struct v2m_tracked_list tracked;
};

struct v2m_rule_watch *v2m_rule_watch_new(void)
{
	struct v2m_rule_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		watch->fd = v2m_nft_watch_open();
	return watch;
}

void v2m_rule_watch_free(struct v2m_rule_watch *watch)
{
	if (!watch)
		return;
	v2m_closep(&watch->fd);
	v2m_tracked_clear(&watch->tracked);
	free(watch);
}

int v2m_rule_watch_fd(const struct v2m_rule_watch *watch)
{
	return watch->fd;
}

static bool is_due(const struct done *done, uint64_t interval_ns, unsigned share)
{
	uint64_t passed_ns = v2m_clock_mono_ns() - done->begun_ns;

	return passed_ns >= interval_ns && passed_ns / share >= done->cost_ns;
}

static void end(struct done *done, uint64_t begun_ns)
{
	done->begun_ns = begun_ns;
	done->cost_ns = v2m_clock_mono_ns() - begun_ns;
}

static void look_at_legacy(struct v2m_rule_watch *watch)
{
	V2M_CLEANUP(v2m_nat_rules_clear) struct v2m_nat_rules rules = { 0 };
	uint64_t begun_ns = v2m_clock_mono_ns();
	uint64_t digest;

	v2m_legacy_rules_read(&rules, &digest);
	if (digest != watch->legacy_digest)
		watch->changed = watch->stale = true;
	end(&watch->legacy, begun_ns);
}

/* If connection tracking cannot be read, the rules cannot be either, and that is told. What
 * connections showed under other rules stays until then. */
static void look_at_connections(struct v2m_rule_watch *watch)
{
	V2M_CLEANUP(v2m_tracked_clear) struct v2m_tracked_list fresh = { 0 };
	uint64_t begun_ns = v2m_clock_mono_ns();
	bool grew = false;

	if (!watch->stale) {
		v2m_conntrack_read(&watch->tracked, &grew);
	} else if (v2m_conntrack_read(&fresh, &grew) == 0) {
		v2m_tracked_clear(&watch->tracked);
		watch->tracked = fresh;
		fresh = (struct v2m_tracked_list){ 0 };
		watch->stale = false;
		grew = true;
	}
	watch->changed = watch->changed || grew;
	end(&watch->connections, begun_ns);
}

/* The kernel may load its module with the first rule. */
static void open_again(struct v2m_rule_watch *watch)
{
	end(&watch->opening, v2m_clock_mono_ns());
	watch->fd = v2m_nft_watch_open();
	if (watch->fd >= 0)
		watch->changed = watch->stale = true;
}

bool v2m_rule_watch_is_due(struct v2m_rule_watch *watch)
{
	if (watch->fd < 0 && is_due(&watch->opening, LOOK_INTERVAL_NS, RULES_SHARE))
		open_again(watch);
	if (watch->fd >= 0 && v2m_nft_watch_drain(watch->fd))
		watch->changed = watch->stale = true;
	if (is_due(&watch->legacy, LOOK_INTERVAL_NS, RULES_SHARE))
		look_at_legacy(watch);
	if (is_due(&watch->connections, LOOK_INTERVAL_NS, CONNECTIONS_SHARE))
		look_at_connections(watch);
	if (watch->again && is_due(&watch->reading, LOOK_INTERVAL_NS, RULES_SHARE))
		watch->changed = true;
	return watch->changed && is_due(&watch->reading, READ_INTERVAL_NS, RULES_SHARE);
}

void v2m_rule_watch_read(struct v2m_rule_watch *watch, struct v2m_nat_rules *rules,
			 struct v2m_published_reading *read)
{
	uint64_t begun_ns = v2m_clock_mono_ns();

	watch->changed = false;
	read->nft = v2m_nft_rules_read(rules);
	read->legacy = v2m_legacy_rules_read(rules, &watch->legacy_digest);
	end(&watch->reading, begun_ns);
}

void v2m_rule_watch_was_used(struct v2m_rule_watch *watch, bool again)
{
	watch->again = again;
	end(&watch->reading, watch->reading.begun_ns);
}

const struct v2m_tracked_list *v2m_rule_watch_tracked(const struct v2m_rule_watch *watch)
{
	return &watch->tracked;
}
