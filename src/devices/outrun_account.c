// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/outrun_account.h"

#define MEMORY_NS 60e9
/* Fewer bytes than this say nothing about a server. */
#define LEAST_BYTES 65536.0

static bool is_continued(const struct v2m_outrun_account *account,
			 const struct v2m_outrun_reading *reading)
{
	if (!account->known)
		return false;
	for (int i = 0; i < V2M_OUTRUN_DIRECTIONS; i++)
		if (reading->carried[i] < account->last.carried[i] ||
		    reading->seen[i] < account->last.seen[i])
			return false;
	return true;
}

/* The two counters are not read at the same moment. What one is ahead by at one reading, the other
 * makes up for at the next: so the difference has a sign. */
static void remember(struct v2m_outrun_account *account, const struct v2m_outrun_reading *reading,
		     uint64_t passed_ns)
{
	double kept = (double)passed_ns < MEMORY_NS ? 1 - (double)passed_ns / MEMORY_NS : 0;

	for (int i = 0; i < V2M_OUTRUN_DIRECTIONS; i++) {
		double carried = (double)(reading->carried[i] - account->last.carried[i]);
		double seen = (double)(reading->seen[i] - account->last.seen[i]);

		account->recent_carried[i] = account->recent_carried[i] * kept + carried;
		account->recent_missed[i] = account->recent_missed[i] * kept + carried - seen;
	}
}

static double share_of(const struct v2m_outrun_account *account, unsigned direction)
{
	double missed = account->recent_missed[direction];

	return missed > 0 ? missed / account->recent_carried[direction] : 0;
}

static void judge(struct v2m_outrun_account *account, bool behind)
{
	/* The limit to leave the state is lower, so that it does not come and go. */
	double factor = account->outrun ? 2 : 1;
	double limit = behind ? 0.25 : 0.5;

	account->direction = share_of(account, 1) > share_of(account, 0);
	account->share = share_of(account, account->direction);
	account->outrun = account->share * factor > limit &&
			  account->recent_missed[account->direction] * factor >= LEAST_BYTES;
}

void v2m_outrun_account_add(struct v2m_outrun_account *account,
			    const struct v2m_outrun_reading *reading, bool behind, uint64_t mono_ns)
{
	if (is_continued(account, reading)) {
		remember(account, reading, mono_ns - account->at_ns);
		judge(account, behind);
	}
	account->known = true;
	account->last = *reading;
	account->at_ns = mono_ns;
}
