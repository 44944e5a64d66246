/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the elements of sets and maps of nftables. */
#ifndef V2METER_PATHS_NFT_SETS_H
#define V2METER_PATHS_NFT_SETS_H

#include <stdint.h>

#include "netlink/netlink.h"
#include "paths/nat_set.h"

/* Begins a request for all that there is of a type, NFT_MSG_GET..., in a buffer of 64 bytes and
 * more. */
struct nlmsghdr *v2m_nft_begin_dump(char *buffer, uint16_t type, uint8_t family);

/* The set that is asked for. */
struct v2m_nft_set_query {
	uint8_t family; /* of the table */
	const char *table;
	const char *name;
	/* The number of the chain of the table with this name. 0: there is none. */
	uint32_t (*find_chain)(void *context, const char *name);
	void *context;
};

/* Adds the elements. 0; -EINVAL if there is no such set; or another -errno. */
int v2m_nft_set_read(struct v2m_netlink *netlink, const struct v2m_nft_set_query *query,
		     struct v2m_nat_set *set);

#endif
