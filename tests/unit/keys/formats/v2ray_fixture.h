/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads V2Ray configurations, from texts and from files in tests/data. */
#ifndef V2METER_TESTS_V2RAY_FIXTURE_H
#define V2METER_TESTS_V2RAY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/formats/v2ray_config.h"
#include "base/transport.h"
#include "base/cleanup.h"

#define DATA   "../data/v2ray/"
#define BOTH   (V2M_TCP | V2M_UDP)
#define CLIENT "\"settings\": {\"clients\": [{\"id\": \"u1\", \"email\": \"e1\"}]}"

static inline struct v2m_json_doc parse(const char *text)
{
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_json_doc_parse("f", text, strlen(text), V2M_JSON_V2RAY, &doc, &error))
		fail_msg("%s", error.text);
	return doc;
}

static inline struct v2m_json_doc open_data(const char *name)
{
	V2M_FREE char *text = NULL;
	struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };
	char path[256];
	size_t length;

	snprintf(path, sizeof(path), DATA "%s", name);
	if (v2m_json_doc_read(path, &text, &length, &error) ||
	    v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, &doc, &error))
		fail_msg("%s", error.text);
	return doc;
}

/* The notes of the last reading. */
static struct v2m_key_notes notes;

/* The keys of documents, which this function frees. */
static inline struct v2m_key_list read_docs(struct v2m_json_doc *docs, size_t n)
{
	struct v2m_key_list keys = { 0 };
	struct v2m_error error = { 0 };

	v2m_key_notes_clear(&notes);
	if (v2m_v2ray_read(docs, n, &keys, &notes, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < n; i++)
		v2m_json_doc_clear(&docs[i]);
	return keys;
}

static inline struct v2m_key_list read_data(const char *name)
{
	struct v2m_json_doc doc = open_data(name);

	return read_docs(&doc, 1);
}

static inline struct v2m_key_list read_text(const char *text)
{
	struct v2m_json_doc doc = parse(text);

	return read_docs(&doc, 1);
}

static inline void check_refused(const char *text, const char *expected)
{
	struct v2m_json_doc doc = parse(text);
	struct v2m_key_list keys = { 0 };
	struct v2m_error error = { 0 };

	v2m_key_notes_clear(&notes);
	assert_int_equal(v2m_v2ray_read(&doc, 1, &keys, &notes, &error), -EINVAL);
	assert_string_equal(error.text, expected);
	v2m_key_list_clear(&keys);
	v2m_json_doc_clear(&doc);
}

struct expected {
	const char *name;
	const char *uuid;    /* if NULL, the id of the key */
	const char *ports;   /* the ports of its spans: "443, 20000-50000" */
	unsigned transports; /* of the first span */
	bool loopback;
};

static inline const char *ports_of(const struct v2m_key *key)
{
	static char text[256];
	size_t length = 0;

	text[0] = 0;
	for (size_t i = 0; i < key->n_spans; i++) {
		char ports[V2M_SPAN_TEXT_LEN];

		v2m_span_format(key->spans[i].first_port, key->spans[i].last_port, ports);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
					   i ? ", " : "", ports);
	}
	return text;
}

static inline void check_keys(struct v2m_key_list *keys, const struct expected *expected, size_t n)
{
	for (size_t i = 0; i < n && i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		assert_string_equal(key->name, expected[i].name);
		assert_string_equal(key->uuid, expected[i].uuid ? expected[i].uuid : key->id);
		assert_string_equal(ports_of(key), expected[i].ports);
		if (key->n_spans) {
			assert_int_equal(key->spans[0].transports, expected[i].transports);
			assert_int_equal(key->spans[0].loopback, expected[i].loopback);
		}
		assert_true(key->is_active);
		assert_null(key->created_at);
	}
	assert_int_equal(keys->count, n);
	v2m_key_list_clear(keys);
}

#endif
