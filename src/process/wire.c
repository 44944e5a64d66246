// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* The length of a string that is NULL. */
#define NO_TEXT UINT32_MAX

struct v2m_wire v2m_wire_reader(const void *data, size_t length)
{
	/* A message without a payload has no data, but NULL stands for "not so many bytes" here. */
	return (struct v2m_wire){ .reading = true,
				  .data = data ? data : (const void *)"",
				  .length = length };
}

void v2m_wire_clear(struct v2m_wire *wire)
{
	free(wire->items);
	*wire = (struct v2m_wire){ 0 };
}

int v2m_wire_end(const struct v2m_wire *wire)
{
	if (wire->no_memory)
		return -ENOMEM;
	return wire->failed || (wire->reading && wire->at != wire->length) ? -EBADMSG : 0;
}

static void run_out_of_memory(struct v2m_wire *wire)
{
	wire->failed = wire->no_memory = true;
}

void v2m_wire_refuse(struct v2m_wire *wire)
{
	wire->failed = true;
}

static void write_bytes(struct v2m_wire *wire, const void *bytes, size_t length)
{
	if (!wire->failed && v2m_array_reserve_items((void **)&wire->items, &wire->capacity,
						     wire->length, length, 1))
		run_out_of_memory(wire);
	if (wire->failed || !length)
		return;
	memcpy(wire->items + wire->length, bytes, length);
	wire->length += length;
}

/* The next bytes of the data. NULL: there are not so many. */
static const uint8_t *take_bytes(struct v2m_wire *wire, size_t length)
{
	const uint8_t *taken = wire->data + wire->at;

	if (wire->failed || length > wire->length - wire->at) {
		wire->failed = true;
		return NULL;
	}
	wire->at += length;
	return taken;
}

void v2m_wire_bytes(struct v2m_wire *wire, void *bytes, size_t length)
{
	const uint8_t *taken;

	if (!wire->reading) {
		write_bytes(wire, bytes, length);
		return;
	}
	taken = take_bytes(wire, length);
	if (!taken)
		memset(bytes, 0, length);
	else if (length)
		memcpy(bytes, taken, length);
}

#define NUMBER(name, type)                                                                         \
	void v2m_wire_##name(struct v2m_wire *wire, type *value)                                   \
	{                                                                                          \
		v2m_wire_bytes(wire, value, sizeof(*value));                                       \
	}
NUMBER(u8, uint8_t)
NUMBER(u16, uint16_t)
NUMBER(u32, uint32_t)
NUMBER(u64, uint64_t)
NUMBER(i32, int32_t)
NUMBER(i64, int64_t)
NUMBER(size, size_t)
NUMBER(float, float)
NUMBER(double, double)

unsigned v2m_wire_limited(struct v2m_wire *wire, unsigned value, unsigned max)
{
	uint32_t number = value;

	v2m_wire_u32(wire, &number);
	if (!wire->reading)
		return value;
	if (number > max)
		wire->failed = true;
	return wire->failed ? 0 : number;
}

void v2m_wire_bool(struct v2m_wire *wire, bool *value)
{
	uint8_t byte = wire->reading ? 0 : *value;

	v2m_wire_u8(wire, &byte);
	if (byte > 1)
		wire->failed = true;
	*value = byte == 1;
}

void v2m_wire_chars(struct v2m_wire *wire, char *chars, size_t size)
{
	v2m_wire_bytes(wire, chars, size);
	if (!wire->reading)
		return;
	if (memchr(chars, 0, size))
		return;
	wire->failed = true;
	memset(chars, 0, size);
}

static void write_text(struct v2m_wire *wire, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	uint32_t announced = text ? (uint32_t)length : NO_TEXT;

	if (length >= NO_TEXT)
		wire->failed = true;
	v2m_wire_u32(wire, &announced);
	write_bytes(wire, text, length);
}

void v2m_wire_text(struct v2m_wire *wire, char **text)
{
	uint32_t length = 0;
	const uint8_t *taken;

	if (!wire->reading) {
		write_text(wire, *text);
		return;
	}
	*text = NULL;
	v2m_wire_u32(wire, &length);
	if (wire->failed || length == NO_TEXT)
		return;
	taken = take_bytes(wire, length);
	if (!taken || memchr(taken, 0, length)) {
		wire->failed = true;
		return;
	}
	*text = strndup((const char *)taken, length);
	if (!*text)
		run_out_of_memory(wire);
}

void v2m_wire_blob(struct v2m_wire *wire, const char **blob, size_t *length)
{
	uint64_t announced = wire->reading ? 0 : *length;

	v2m_wire_u64(wire, &announced);
	if (!wire->reading) {
		write_bytes(wire, *blob, *length);
		return;
	}
	*blob = (const char *)take_bytes(wire, announced);
	*length = *blob ? announced : 0;
}

void v2m_wire_count(struct v2m_wire *wire, size_t *count, size_t item_size)
{
	uint64_t announced = wire->reading ? 0 : *count;

	v2m_wire_u64(wire, &announced);
	if (!wire->reading)
		return;
	if (announced > (wire->length - wire->at) / item_size)
		wire->failed = true;
	*count = wire->failed ? 0 : announced;
}

void *v2m_wire_array(struct v2m_wire *wire, void *items, size_t *count, size_t wire_size,
		     size_t item_size)
{
	void *made;

	v2m_wire_count(wire, count, wire_size);
	if (!wire->reading)
		return items;
	if (wire->failed)
		return NULL;
	made = calloc(*count + 1, item_size);
	if (!made) {
		run_out_of_memory(wire);
		*count = 0;
	}
	return made;
}
