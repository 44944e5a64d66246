/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compares the payload bytes that a proxy counts for its users with ours, from the first moment at
 * which both are known. Ours are more for lawful reasons: TLS and the proxy's protocol around the
 * payload, retransmissions, and connections that authenticate nobody. The proxy may count a spliced
 * download only when its connection ends, so a proxy that is behind is judged when the key has no
 * connection. The proxy counts bytes before it sends them, and the two are read at slightly
 * different moments, so a proxy that is ahead is judged when it has been so for a minute. If the
 * proxy restarts, its counters begin anew, and so does the comparison.
 *
 * Many panels set the counters of the proxy to zero each time they read them, every ten seconds or
 * so. What the proxy counted between our last look and that moment is lost for us. So if counters
 * fall again and again, the comparison goes on with what is left: all our bytes, and the least that
 * the proxy has counted. A proxy that counts more than we do is still seen, one that counts less is
 * not.
 */
#ifndef V2METER_DRIFT_DRIFT_H
#define V2METER_DRIFT_DRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The limits beyond which two counters of a direction drift: these bytes, which handshakes and
 * scanners may cause, and a share of what the proxy counted. */
#define V2M_DRIFT_SLACK_BYTES      (1u << 20)
#define V2M_DRIFT_AHEAD_PERCENT    2          /* the proxy counts more */
#define V2M_DRIFT_BEHIND_PERCENT   25         /* the proxy counts less, over TCP */
#define V2M_DRIFT_BEHIND_UDP       100        /* the same over UDP, where mKCP repeats much */
#define V2M_DRIFT_CONNECTION_BYTES (4u << 20) /* what may wait in a connection, not sent yet */
#define V2M_DRIFT_AHEAD_US         60000000
/* A key without connections and new bytes for this time has settled. */
#define V2M_DRIFT_SETTLED_US 10000000

/* Counters that fall twice within this time are set to zero by somebody. If they have not fallen
 * for so long, they are compared in both directions again. */
#define V2M_DRIFT_RESETS_US (3600 * INT64_C(1000000))

/* The counters of one key at one moment. Ours must not be older than those of the proxy. */
struct v2m_drift_bytes {
	uint64_t proxy_rx;
	uint64_t proxy_tx;
	uint64_t our_rx;
	uint64_t our_tx;
};

struct v2m_drift_reading {
	const char *id;
	const char *name;
	struct v2m_drift_bytes bytes; /* as counted since ever */
	size_t connections;           /* that are open */
	bool has_udp;
	/* The proxy has no counters for the key yet. They begin at 0 with its first byte. */
	bool is_unknown;
	bool is_old; /* the counters of the proxy are of an earlier time than ours */
};

/* One key that is compared. */
struct v2m_drift_entry {
	char *id;
	char *name;
	int64_t since_us;             /* Unix microseconds: when the comparison began */
	struct v2m_drift_bytes since; /* counted since then */
	int64_t drifts_since_us;      /* 0: it does not drift */
	struct v2m_drift_bytes start; /* the counters now less since, modulo 2^64 */
	int64_t moved_us;             /* when our counters moved last */
	int64_t ahead_since_us;       /* 0: the proxy is not ahead */
	unsigned n_comparisons;       /* since the comparison began, at most 2 */
	bool is_unknown;
	bool resets;     /* somebody sets the proxy's counters to zero again and again */
	int64_t fell_us; /* when they fell last; 0: not since the comparison began */
};

struct v2m_drift {
	struct v2m_drift_entry *items;
	size_t count;
	size_t capacity;
};

/* Compares these keys and forgets all others. No id stands twice. 0, or -ENOMEM with the drift
 * unchanged. */
int v2m_drift_compare(struct v2m_drift *drift, const struct v2m_drift_reading *readings, size_t n,
		      int64_t now_us);
/* How many keys the proxy has counters for. */
size_t v2m_drift_count_known(const struct v2m_drift *drift);
/* How many keys have counters that are set to zero again and again. */
size_t v2m_drift_count_resets(const struct v2m_drift *drift);
/* How far the counters of an entry are apart, in bytes: ours less those of the proxy. */
int64_t v2m_drift_difference(const struct v2m_drift_entry *entry);
/* Adds copies of the entries that are furthest apart, those that drift first, at most max, to an
 * empty drift. Keys that the proxy has no counters for are left out. 0 or -ENOMEM. */
int v2m_drift_copy_worst(const struct v2m_drift *drift, size_t max, struct v2m_drift *copy);
void v2m_drift_clear(struct v2m_drift *drift);

#endif
