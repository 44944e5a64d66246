// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/json_writer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define FIRST_SIZE 4096

/* Makes room for that many bytes more and the 0 at the end. False: out of memory. */
static bool make_room(struct v2m_json_writer *json, size_t more)
{
	size_t wanted = json->size ? more + 1 : more + FIRST_SIZE;

	if (json->failed || json->length + more < json->size)
		return !json->failed;
	json->failed = v2m_array_reserve_items((void **)&json->text, &json->size, json->length,
					       wanted, 1) != 0;
	return !json->failed;
}

static void append_bytes(struct v2m_json_writer *json, const char *text, size_t length)
{
	if (!make_room(json, length))
		return;
	memcpy(json->text + json->length, text, length);
	json->length += length;
}

static void begin_value(struct v2m_json_writer *json)
{
	if (json->separate)
		append_bytes(json, ",", 1);
	json->separate = true;
}

void v2m_write_open(struct v2m_json_writer *json, char bracket)
{
	begin_value(json);
	append_bytes(json, &bracket, 1);
	json->separate = false;
}

void v2m_write_close(struct v2m_json_writer *json, char bracket)
{
	append_bytes(json, &bracket, 1);
	json->separate = true;
}

/* Writes one character and returns how many bytes of the text it took. */
static size_t append_character(struct v2m_json_writer *json, const char *text)
{
	unsigned char c = (unsigned char)*text;
	size_t length = c < 0x80 ? 1 : v2m_utf8_decode(text, NULL);
	char escape[8];

	if (c == '"' || c == '\\')
		append_bytes(json, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", c));
	else if (c < 0x20 || c == 0x7f)
		append_bytes(json, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
	else if (length == 0)
		append_bytes(json, "\xef\xbf\xbd", 3);
	else
		append_bytes(json, text, length);
	return length ? length : 1;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Most strings have plain characters only: they are copied in one piece. */
static void append_string(struct v2m_json_writer *json, const char *value)
{
	append_bytes(json, "\"", 1);
	while (*value) {
		size_t plain = 0;

		while (is_plain(value[plain]))
			plain++;
		append_bytes(json, value, plain);
		value += plain;
		if (*value)
			value += append_character(json, value);
	}
	append_bytes(json, "\"", 1);
}

void v2m_write_name(struct v2m_json_writer *json, const char *name)
{
	begin_value(json);
	append_string(json, name);
	append_bytes(json, ":", 1);
	json->separate = false;
}

void v2m_write_string(struct v2m_json_writer *json, const char *value)
{
	begin_value(json);
	if (value)
		append_string(json, value);
	else
		append_bytes(json, "null", 4);
}

void v2m_write_u64(struct v2m_json_writer *json, uint64_t value)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	begin_value(json);
	append_bytes(json, text + at, sizeof(text) - at);
}

void v2m_write_bool(struct v2m_json_writer *json, bool value)
{
	begin_value(json);
	append_bytes(json, value ? "true" : "false", value ? 4 : 5);
}

void v2m_write_fixed(struct v2m_json_writer *json, double value, int decimals)
{
	/* The largest double has 309 digits before the point. */
	char text[352];
	int length = snprintf(text, sizeof(text), "%.*f", decimals, isfinite(value) ? value : 0.0);
	char *comma = strchr(text, ',');

	if (comma)
		*comma = '.';
	begin_value(json);
	append_bytes(json, text, (size_t)length);
}

void v2m_write_double(struct v2m_json_writer *json, double value)
{
	char text[40];
	char *comma;

	if (!isfinite(value))
		value = 0.0;
	/* With 17 significant digits every double reads back unchanged (DBL_DECIMAL_DIG of C11). */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	begin_value(json);
	append_bytes(json, text, strlen(text));
	if (!strpbrk(text, ".e"))
		append_bytes(json, ".0", 2);
}

void v2m_write_seconds(struct v2m_json_writer *json, int64_t real_us)
{
	char text[40];
	uint64_t us = real_us < 0 ? -(uint64_t)real_us : (uint64_t)real_us;
	int length =
		snprintf(text, sizeof(text), "%s%llu.%06llu", real_us < 0 ? "-" : "",
			 (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));

	begin_value(json);
	append_bytes(json, text, (size_t)length);
}

void v2m_put_string(struct v2m_json_writer *json, const char *name, const char *value)
{
	v2m_write_name(json, name);
	v2m_write_string(json, value);
}

void v2m_put_u64(struct v2m_json_writer *json, const char *name, uint64_t value)
{
	v2m_write_name(json, name);
	v2m_write_u64(json, value);
}

void v2m_put_bool(struct v2m_json_writer *json, const char *name, bool value)
{
	v2m_write_name(json, name);
	v2m_write_bool(json, value);
}

void v2m_put_null(struct v2m_json_writer *json, const char *name)
{
	v2m_put_string(json, name, NULL);
}

void v2m_put_fixed(struct v2m_json_writer *json, const char *name, double value, int decimals)
{
	v2m_write_name(json, name);
	v2m_write_fixed(json, value, decimals);
}

void v2m_put_double(struct v2m_json_writer *json, const char *name, double value)
{
	v2m_write_name(json, name);
	v2m_write_double(json, value);
}

void v2m_put_seconds(struct v2m_json_writer *json, const char *name, int64_t real_us)
{
	v2m_write_name(json, name);
	v2m_write_seconds(json, real_us);
}

void v2m_put_open(struct v2m_json_writer *json, const char *name, char bracket)
{
	v2m_write_name(json, name);
	v2m_write_open(json, bracket);
}

int v2m_write_take(struct v2m_json_writer *json, char **text, size_t *length)
{
	char *fitting;

	append_bytes(json, "", 0);
	if (json->failed || !json->text) {
		free(json->text);
		memset(json, 0, sizeof(*json));
		return -ENOMEM;
	}
	json->text[json->length] = 0;
	/* Texts are kept, one for each key, and most are short: give back the rest of the buffer.
	 */
	fitting = realloc(json->text, json->length + 1);
	*text = fitting ? fitting : json->text;
	*length = json->length;
	memset(json, 0, sizeof(*json));
	return 0;
}
