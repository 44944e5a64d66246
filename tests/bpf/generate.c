// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "generate.h"

#include <string.h>

#define TCP   6
#define UDP   17
#define JUMBO 255 /* no protocol: BIG TCP's own header */

/* splitmix64, a public-domain generator by Sebastiano Vigna. */
static uint64_t next_random(struct generator *generator)
{
	uint64_t mixed = (generator->state += 0x9e3779b97f4a7c15u);

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

uint32_t generate_below(struct generator *generator, uint32_t below)
{
	return (uint32_t)(next_random(generator) >> 32) % below;
}

static bool one_in(struct generator *generator, uint32_t n)
{
	return generate_below(generator, n) == 0;
}

static uint16_t some_port(struct generator *generator)
{
	if (one_in(generator, 8))
		return (uint16_t)generate_below(generator, 65536);
	return (uint16_t)(GENERATED_PORT + generate_below(generator, GENERATED_PORTS));
}

static uint8_t some_protocol(struct generator *generator)
{
	static const uint8_t others[] = { 1, 4, 41, 47, 50, 51, 58, 59, 132, 135 };
	uint32_t choice = generate_below(generator, 16);

	if (choice < 8)
		return TCP;
	if (choice < 15)
		return UDP;
	return others[generate_below(generator, sizeof(others))];
}

static void add_layer4(struct generator *generator, struct frame *frame, uint8_t protocol)
{
	uint8_t words = 5;

	if (one_in(generator, 3))
		words = (uint8_t)generate_below(generator, 16);
	if (protocol == TCP) {
		frame_tcp(frame, some_port(generator), some_port(generator), words);
		/* Mostly an acknowledgement, now and then a handshake. */
		frame->data[frame->length - 4u * (words < 5 ? 5u : words) + 13] =
			one_in(generator, 6) ? (uint8_t)generate_below(generator, 64) : 0x10;
	} else
		frame_udp(frame, some_port(generator), some_port(generator));
}

static void add_payload(struct generator *generator, struct frame *frame)
{
	uint32_t most = one_in(generator, 6) ? 1400 : 120;
	uint32_t count = generate_below(generator, most);

	for (uint32_t i = 0; i < count; i++) {
		uint8_t byte = (uint8_t)(i * 37 + most);

		frame_bytes(frame, &byte, 1);
	}
}

/* Few addresses and identifications, so that fragments meet their first ones. */
static uint8_t some_address(struct generator *generator)
{
	return (uint8_t)(1 + generate_below(generator, 3));
}

static bool add_ipv4(struct generator *generator, struct frame *frame, uint8_t protocol)
{
	uint8_t options =
		one_in(generator, 5) ? (uint8_t)generate_below(generator, 11) : (uint8_t)0;
	bool later = false;

	frame_ipv4(frame, protocol, options, some_address(generator), some_address(generator));
	if (one_in(generator, 4)) {
		uint16_t where =
			one_in(generator, 2) ? 0 : (uint16_t)generate_below(generator, 8192);

		later = where != 0;
		if (one_in(generator, 2))
			where |= 0x2000;
		if (one_in(generator, 8))
			where |= 0x4000;
		frame_ipv4_fragment(frame, (uint16_t)generate_below(generator, 6), where);
	}
	return later;
}

static uint8_t some_extension(struct generator *generator)
{
	static const uint8_t kinds[] = { 0, 43, 44, 44, 51, 60, JUMBO };

	return kinds[generate_below(generator, sizeof(kinds))];
}

static void add_extension(struct generator *generator, struct frame *frame, uint8_t kind,
			  uint8_t next, uint8_t units, bool *later)
{
	static const uint8_t jumbo[] = { 0, 0xc2, 4, 0, 1, 0, 0 };
	uint16_t where = 0;

	if (kind == JUMBO) {
		frame_bytes(frame, &next, 1);
		frame_bytes(frame, jumbo, sizeof(jumbo));
		return;
	}
	if (kind != 44) {
		frame_extension(frame, next, units, kind == 51);
		return;
	}
	if (one_in(generator, 2))
		where = (uint16_t)(generate_below(generator, 8192) << 3);
	if (where)
		*later = true;
	if (one_in(generator, 2))
		where |= 1;
	if (one_in(generator, 8))
		where |= 6;
	frame_ipv6_fragment(frame, next, where, generate_below(generator, 6));
}

static uint8_t number_of(uint8_t kind)
{
	return kind == JUMBO ? 0 : kind;
}

static bool add_ipv6(struct generator *generator, struct frame *frame, uint8_t protocol)
{
	uint8_t kinds[40];
	uint32_t count = one_in(generator, 2) ? 0 : generate_below(generator, 4);
	bool later = false;

	if (one_in(generator, 20))
		count = 7 + generate_below(generator, 20);
	for (uint32_t i = 0; i < count; i++)
		kinds[i] = some_extension(generator);
	if (one_in(generator, 60)) {
		/* About as many as are walked. */
		count = 28 + generate_below(generator, 8);
		memset(kinds, 60, count);
		if (one_in(generator, 2))
			kinds[generate_below(generator, count)] = 44;
	}
	frame_ipv6(frame, count ? number_of(kinds[0]) : protocol, some_address(generator),
		   some_address(generator));
	for (uint32_t i = 0; i < count && !later; i++)
		add_extension(generator, frame, kinds[i],
			      i + 1 < count ? number_of(kinds[i + 1]) : protocol,
			      count > 20 ? 0 : (uint8_t)generate_below(generator, 4), &later);
	return later;
}

/* The length field: mostly right, else 0, a little off, or anything. */
static void set_length(struct generator *generator, struct frame *frame)
{
	size_t field = frame->ip + (frame->ipv6 ? 4 : 2);
	uint16_t right;

	frame_finish(frame);
	right = (uint16_t)(frame->data[field] << 8 | frame->data[field + 1]);
	switch (generate_below(generator, 12)) {
	case 0:
		frame_put_be16(frame, field, 0);
		break;
	case 1:
		frame_put_be16(frame, field,
			       (uint16_t)(right + generate_below(generator, 80) - 40));
		break;
	case 2:
		frame_put_be16(frame, field, (uint16_t)generate_below(generator, 65536));
		break;
	default:
		break;
	}
}

static void damage(struct generator *generator, struct frame *frame)
{
	if (one_in(generator, 8))
		frame_zeros(frame, generate_below(generator, 60));
	if (one_in(generator, 8))
		frame->length = generate_below(generator, (uint32_t)frame->length + 1);
	if (one_in(generator, 8)) {
		uint32_t reach = (uint32_t)(frame->length < 100 ? frame->length : 100);

		for (uint32_t i = 0; i < 3 && reach; i++)
			frame->data[generate_below(generator, reach)] =
				(uint8_t)generate_below(generator, 256);
	}
}

static void add_layer2(struct generator *generator, struct frame *frame, bool ipv6)
{
	uint32_t tags = one_in(generator, 4) ? 1 + generate_below(generator, 3) : 0;
	uint16_t type = ipv6 ? 0x86dd : 0x0800;

	if (tags == 3)
		tags += generate_below(generator, 8);
	frame_ethernet(frame, tags == 0 ? type : one_in(generator, 2) ? 0x8100 : 0x88a8);
	for (uint32_t i = tags; i > 0; i--)
		frame_tag(frame, i == 1 ? type : one_in(generator, 2) ? 0x8100 : 0x88a8);
}

static void add_random(struct generator *generator, struct frame *frame)
{
	uint32_t count = generate_below(generator, 200);

	for (uint32_t i = 0; i < count; i++) {
		uint8_t byte = (uint8_t)generate_below(generator, 256);

		frame_bytes(frame, &byte, 1);
	}
}

static void build(struct generator *generator, unsigned link_header, struct frame *frame)
{
	bool ipv6 = one_in(generator, 2);
	uint8_t protocol = some_protocol(generator);
	bool later;

	if (link_header)
		add_layer2(generator, frame, ipv6);
	if (one_in(generator, 50)) {
		add_random(generator, frame);
		return;
	}
	later = ipv6 ? add_ipv6(generator, frame, protocol) : add_ipv4(generator, frame, protocol);
	if (!later || one_in(generator, 4))
		add_layer4(generator, frame, protocol);
	add_payload(generator, frame);
	set_length(generator, frame);
	/* Without a layer-2 header the kernel's test function reads the type from the source
	 * address. Half of the destinations get the same bytes, so that connections go both ways.
	 */
	if (!link_header && !one_in(generator, 10)) {
		frame_put_be16(frame, 12, ipv6 ? 0x86dd : 0x0800);
		if (one_in(generator, 2))
			frame_put_be16(frame, ipv6 ? 28 : 16, ipv6 ? 0x86dd : 0x0800);
	}
	damage(generator, frame);
}

/* The kernel's test function wants something behind Ethernet's header and, from Linux 6.18 on, a
 * whole IP header where the type says so. Cut off ones are still made behind a tag. */
static size_t least_length(const struct frame *frame)
{
	unsigned type = (unsigned)frame->data[12] << 8 | frame->data[13];

	if (frame->length < 15)
		return 15;
	if (type == 0x0800)
		return 14 + 20;
	return type == 0x86dd ? 14 + 40 : 0;
}

void generate_packet(struct generator *generator, unsigned link_header, struct generated *out)
{
	memset(&out->frame, 0, sizeof(out->frame));
	build(generator, link_header, &out->frame);
	/* Zeros added to a part of the type can make a type. */
	while (out->frame.length < least_length(&out->frame))
		frame_zeros(&out->frame, least_length(&out->frame) - out->frame.length);
	out->egress = one_in(generator, 2);
	out->gso_size = one_in(generator, 4) ? 1 + generate_below(generator, 1500) : 0;
	out->gso_segs = out->gso_size && one_in(generator, 2) ? generate_below(generator, 50) : 0;
}
