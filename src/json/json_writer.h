/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes JSON text into one growing buffer. jansson is no choice: its integers have a sign, and the
 * counters of the API need all 64 bits. It also builds a tree first, at 100,000 allocations for
 * 10,000 connections.
 */
#ifndef V2METER_JSON_JSON_WRITER_H
#define V2METER_JSON_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeros are an empty text. If memory runs out, the writer goes on without writing, and
 * v2m_write_take() says so. */
struct v2m_json_writer {
	char *text;
	size_t length;
	size_t size;
	bool separate; /* the next value or name needs a comma before it */
	bool failed;
};

void v2m_write_open(struct v2m_json_writer *json, char bracket);  /* '{' or '[' */
void v2m_write_close(struct v2m_json_writer *json, char bracket); /* '}' or ']' */
/* The name of an object's next member. */
void v2m_write_name(struct v2m_json_writer *json, const char *name);

/* Bytes that are not UTF-8 become U+FFFD; NULL becomes null. */
void v2m_write_string(struct v2m_json_writer *json, const char *value);
void v2m_write_u64(struct v2m_json_writer *json, uint64_t value);
void v2m_write_bool(struct v2m_json_writer *json, bool value);
/* A number with that many decimals and a point. Infinities and NaN become 0. */
void v2m_write_fixed(struct v2m_json_writer *json, double value, int decimals);
/* The shortest number that reads back as the same double, always with a point or exponent.
 * Infinities and NaN become 0. */
void v2m_write_double(struct v2m_json_writer *json, double value);
/* Unix microseconds as seconds with six decimals, exactly. */
void v2m_write_seconds(struct v2m_json_writer *json, int64_t real_us);

/* The name and value of a member. */
void v2m_put_string(struct v2m_json_writer *json, const char *name, const char *value);
void v2m_put_u64(struct v2m_json_writer *json, const char *name, uint64_t value);
void v2m_put_bool(struct v2m_json_writer *json, const char *name, bool value);
void v2m_put_null(struct v2m_json_writer *json, const char *name);
void v2m_put_fixed(struct v2m_json_writer *json, const char *name, double value, int decimals);
void v2m_put_double(struct v2m_json_writer *json, const char *name, double value);
void v2m_put_seconds(struct v2m_json_writer *json, const char *name, int64_t real_us);
void v2m_put_open(struct v2m_json_writer *json, const char *name, char bracket);

/* Hands the text over, malloc'd and ended with a 0. 0, or -ENOMEM with everything freed. */
int v2m_write_take(struct v2m_json_writer *json, char **text, size_t *length);

#endif
