/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the rules of nftables that send ports on to others: which published port is which port of a
 * server here. */
#ifndef V2METER_PATHS_NFT_RULES_H
#define V2METER_PATHS_NFT_RULES_H

#include "paths/nat.h"

/* Reads the rules of the calling thread's network namespace that arriving packets reach and that
 * change something, as v2m_nat_chains_follow() leaves them. The caller clears the list in any case.
 * 0; -EOPNOTSUPP if the kernel has no nftables, and so no such rule; or another -errno. */
int v2m_nft_rules_read(struct v2m_nat_rules *rules);

/* Opens a socket that becomes readable when a rule of nftables changes. A descriptor, or -errno. */
int v2m_nft_watch_open(void);
/* Takes all that there is to read. Returns whether there was anything. */
bool v2m_nft_watch_drain(int fd);

#endif
