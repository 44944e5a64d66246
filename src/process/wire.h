/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values in the messages between our processes. One function describes a struct for both
 * directions: it is called to write the struct, and called again to read it, so that the two cannot
 * differ. Both sides are the same program on the same machine: numbers have its byte order.
 *
 * A reader trusts nothing. If a value is not there or not allowed, `failed` is set, all later reads
 * give zeros and NULL, and the caller looks once, at the end (v2m_wire_end()). What was read so far
 * is whole: it can be freed as usual.
 */
#ifndef V2METER_PROCESS_WIRE_H
#define V2METER_PROCESS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_wire {
	bool reading;
	bool failed;         /* out of memory, or a value is not allowed or not there */
	bool no_memory;      /* it failed because memory ran out */
	const uint8_t *data; /* to read */
	size_t length;       /* of data; when writing, of items */
	size_t at;           /* the next byte to read */
	uint8_t *items;      /* written; v2m_wire_clear() frees it */
	size_t capacity;
};

/* Begins to read; data must stay. It may be NULL if the length is 0. */
struct v2m_wire v2m_wire_reader(const void *data, size_t length);
/* Frees what was written. Zeros are an empty writer. */
void v2m_wire_clear(struct v2m_wire *wire);
/* 0; -ENOMEM; or -EBADMSG if a value is not allowed or not there, or bytes are left over. */
int v2m_wire_end(const struct v2m_wire *wire);
/* Says that what was written or read is not allowed. */
void v2m_wire_refuse(struct v2m_wire *wire);

void v2m_wire_u8(struct v2m_wire *wire, uint8_t *value);
void v2m_wire_u16(struct v2m_wire *wire, uint16_t *value);
void v2m_wire_u32(struct v2m_wire *wire, uint32_t *value);
void v2m_wire_u64(struct v2m_wire *wire, uint64_t *value);
void v2m_wire_i32(struct v2m_wire *wire, int32_t *value);
void v2m_wire_i64(struct v2m_wire *wire, int64_t *value);
void v2m_wire_size(struct v2m_wire *wire, size_t *value);
void v2m_wire_float(struct v2m_wire *wire, float *value);
void v2m_wire_double(struct v2m_wire *wire, double *value);
void v2m_wire_bool(struct v2m_wire *wire, bool *value);
/* A number of at most max, such as an enum. Returns it; 0 after a failure. */
unsigned v2m_wire_limited(struct v2m_wire *wire, unsigned value, unsigned max);
/* That many bytes as they are. */
void v2m_wire_bytes(struct v2m_wire *wire, void *bytes, size_t length);
/* An array of characters that ends with a 0 within its size. */
void v2m_wire_chars(struct v2m_wire *wire, char *chars, size_t size);
/* A string or NULL, without a 0 inside. The one that is read is malloc'd. */
void v2m_wire_text(struct v2m_wire *wire, char **text);
/* Bytes of any number. Those that are read stay in the data that is read from. */
void v2m_wire_blob(struct v2m_wire *wire, const char **blob, size_t *length);
/* The number of items that follow, each of at least item_size bytes on the wire: a number that does
 * not fit into the rest of the data is refused, before anybody allocates memory for it. */
void v2m_wire_count(struct v2m_wire *wire, size_t *count, size_t item_size);
/* The same, and if it is read, room for that many items and one more, all zeros: an array is never
 * NULL. NULL after a failure, with *count 0. When writing: items. */
void *v2m_wire_array(struct v2m_wire *wire, void *items, size_t *count, size_t wire_size,
		     size_t item_size);

#endif
