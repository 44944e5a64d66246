/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A set or map of nftables, as its reader tells it. */
#ifndef V2METER_PATHS_NAT_SET_H
#define V2METER_PATHS_NAT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An address of IPv6 and six other fields. Each field of a concatenation takes a multiple of 4. */
#define V2M_NAT_KEY_SIZE 40
/* An address of IPv6, and a port. */
#define V2M_NAT_DATA_SIZE 20

struct v2m_nat_element {
	uint8_t first[V2M_NAT_KEY_SIZE];
	uint8_t last[V2M_NAT_KEY_SIZE]; /* equal to first, or the end of the range of each field */
	uint8_t data[V2M_NAT_DATA_SIZE];
	uint8_t key_length;  /* 0: all keys, or keys that are not understood */
	uint8_t data_length; /* 0: no data, or a verdict */
	bool any;            /* it is for all keys that no other element has */
	bool verdict;        /* code and chain say what becomes of the packet */
	uint32_t code;       /* enum nf_inet_verdict or nft_verdicts */
	uint32_t chain;      /* number of the chain that code leads to; 0: none */
};

struct v2m_nat_set {
	struct v2m_nat_element *items;
	size_t count;
	size_t capacity;
};

#endif
