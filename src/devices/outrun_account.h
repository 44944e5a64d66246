/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Computes how much of what a device carries does not reach our programs. A program of somebody
 * else that runs before ours may keep packets for itself, and an XDP program or an offload takes
 * them before tc sees them. The device's own counters have all of them.
 */
#ifndef V2METER_DEVICES_OUTRUN_ACCOUNT_H
#define V2METER_DEVICES_OUTRUN_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#define V2M_OUTRUN_DIRECTIONS 2 /* received, sent */

/* Bytes of a device at one moment. */
struct v2m_outrun_reading {
	uint64_t carried[V2M_OUTRUN_DIRECTIONS]; /* the device's own counters */
	uint64_t seen[V2M_OUTRUN_DIRECTIONS];    /* what our programs saw */
};

/* Starts as zeros. */
struct v2m_outrun_account {
	bool known;
	bool outrun;        /* over the last minute, too much did not reach our programs */
	unsigned direction; /* the direction that is worse: 0 received, 1 sent */
	double share;       /* of its bytes did not reach our programs: 0 to 1 */
	struct v2m_outrun_reading last;
	uint64_t at_ns;
	/* Each second takes its share of a minute away. */
	double recent_carried[V2M_OUTRUN_DIRECTIONS];
	double recent_missed[V2M_OUTRUN_DIRECTIONS];
};

/* Takes in a reading. behind: a program of somebody else is known to run before ours. Then a
 * quarter of the bytes is too much, otherwise a half. A little is normal: the counters of some
 * devices have the checksums and the padding of frames. mono_ns is CLOCK_MONOTONIC. Counters that
 * went back begin anew. */
void v2m_outrun_account_add(struct v2m_outrun_account *account,
			    const struct v2m_outrun_reading *reading, bool behind,
			    uint64_t mono_ns);

#endif
