// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame.h"

#include <stdlib.h>
#include <string.h>

void frame_bytes(struct frame *frame, const void *bytes, size_t count)
{
	if (frame->length + count > FRAME_MAX)
		abort();
	memcpy(frame->data + frame->length, bytes, count);
	frame->length += count;
}

void frame_zeros(struct frame *frame, size_t count)
{
	static const uint8_t zeros[FRAME_MAX];

	frame_bytes(frame, zeros, count);
}

void frame_be16(struct frame *frame, uint16_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 8), (uint8_t)value };

	frame_bytes(frame, bytes, sizeof(bytes));
}

void frame_be32(struct frame *frame, uint32_t value)
{
	frame_be16(frame, (uint16_t)(value >> 16));
	frame_be16(frame, (uint16_t)value);
}

void frame_put_be16(struct frame *frame, size_t offset, uint16_t value)
{
	frame->data[offset] = (uint8_t)(value >> 8);
	frame->data[offset + 1] = (uint8_t)value;
}

void frame_ethernet(struct frame *frame, uint16_t type)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

	frame_bytes(frame, addresses, sizeof(addresses));
	frame_be16(frame, type);
}

void frame_tag(struct frame *frame, uint16_t type)
{
	frame_be16(frame, 5);
	frame_be16(frame, type);
}

void frame_ipv4(struct frame *frame, uint8_t protocol, uint8_t options, uint8_t source,
		uint8_t destination)
{
	const uint8_t header[] = { (uint8_t)(0x45 + options),
				   0,
				   0,
				   0,
				   0,
				   0,
				   0,
				   0,
				   64,
				   protocol,
				   0,
				   0,
				   10,
				   0,
				   0,
				   source,
				   10,
				   0,
				   0,
				   destination };

	frame->ip = frame->length;
	frame->ipv6 = false;
	frame_bytes(frame, header, sizeof(header));
	frame_zeros(frame, (size_t)options * 4);
}

void frame_ipv4_fragment(struct frame *frame, uint16_t id, uint16_t fragment)
{
	frame_put_be16(frame, frame->ip + 4, id);
	frame_put_be16(frame, frame->ip + 6, fragment);
}

void frame_ipv6(struct frame *frame, uint8_t next, uint8_t source, uint8_t destination)
{
	uint8_t header[40] = { 0x60, 0, 0, 0, 0, 0, next, 64, 0xfd };

	header[23] = source;
	header[24] = 0xfd;
	header[39] = destination;
	frame->ip = frame->length;
	frame->ipv6 = true;
	frame_bytes(frame, header, sizeof(header));
}

void frame_extension(struct frame *frame, uint8_t next, uint8_t units, bool ah)
{
	const uint8_t start[] = { next, units };
	size_t length = ah ? (units + 2u) * 4 : (units + 1u) * 8;

	frame_bytes(frame, start, sizeof(start));
	frame_zeros(frame, length - sizeof(start));
}

void frame_ipv6_fragment(struct frame *frame, uint8_t next, uint16_t where, uint32_t id)
{
	const uint8_t start[] = { next, 0 };

	frame_bytes(frame, start, sizeof(start));
	frame_be16(frame, where);
	frame_be32(frame, id);
}

void frame_tcp(struct frame *frame, uint16_t source, uint16_t destination, uint8_t words)
{
	frame_be16(frame, source);
	frame_be16(frame, destination);
	frame_zeros(frame, 8);
	frame_be16(frame, (uint16_t)(words << 12));
	frame_zeros(frame, 6);
	if (words > 5)
		frame_zeros(frame, (words - 5u) * 4);
}

void frame_udp(struct frame *frame, uint16_t source, uint16_t destination)
{
	frame_be16(frame, source);
	frame_be16(frame, destination);
	frame_zeros(frame, 4);
}

void frame_finish(struct frame *frame)
{
	size_t length = frame->length - frame->ip;

	if (frame->ipv6)
		frame_put_be16(frame, frame->ip + 4, (uint16_t)(length - 40));
	else
		frame_put_be16(frame, frame->ip + 2, (uint16_t)length);
}
