/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Builds packets by appending headers. Lengths that later headers change are filled in by
 * frame_finish(). */
#ifndef V2METER_TESTS_BPF_FRAME_H
#define V2METER_TESTS_BPF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 4096

struct frame {
	uint8_t data[FRAME_MAX];
	size_t length;
	size_t ip; /* offset of the IP header */
	bool ipv6;
};

void frame_bytes(struct frame *frame, const void *bytes, size_t count);
void frame_zeros(struct frame *frame, size_t count);
void frame_be16(struct frame *frame, uint16_t value);
void frame_be32(struct frame *frame, uint32_t value);
void frame_put_be16(struct frame *frame, size_t offset, uint16_t value);

/* Addresses and an ethertype. */
void frame_ethernet(struct frame *frame, uint16_t type);
/* A tag: what follows is of this type. */
void frame_tag(struct frame *frame, uint16_t type);
/* Between 10.0.0.<source> and 10.0.0.<destination>; options in 32-bit words. */
void frame_ipv4(struct frame *frame, uint8_t protocol, uint8_t options, uint8_t source,
		uint8_t destination);
/* fragment: flags and offset as in the header. */
void frame_ipv4_fragment(struct frame *frame, uint16_t id, uint16_t fragment);
/* Between fd00::<source> and fd00::<destination>. */
void frame_ipv6(struct frame *frame, uint8_t next, uint8_t source, uint8_t destination);
/* An extension header of 8 bytes (units + 1), or (units + 2) * 4 for AH. */
void frame_extension(struct frame *frame, uint8_t next, uint8_t units, bool ah);
void frame_ipv6_fragment(struct frame *frame, uint8_t next, uint16_t where, uint32_t id);
/* words: the data offset. Appends no more than 20 bytes where it is less than 5. */
void frame_tcp(struct frame *frame, uint16_t source, uint16_t destination, uint8_t words);
void frame_udp(struct frame *frame, uint16_t source, uint16_t destination);
/* Sets the IP header's length to what there is now. */
void frame_finish(struct frame *frame);

#endif
