// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the input as a V2Ray configuration and joins it with itself. */
#include <string.h>

#include "keys/key_clash.h"
#include "keys/key_join.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_config.h"
#include "fuzz.h"

/* The error must begin with "f:LINE:COLUMN: ", and this place must be in the text. */
static void check_error(const struct v2m_error *error, const uint8_t *data, size_t size)
{
	unsigned line = 0;
	unsigned column = 0;
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	FUZZ_CHECK(sscanf(error->text, "f:%u:%u: ", &line, &column) == 2);
	FUZZ_CHECK(line >= 1 && line <= lines);
	FUZZ_CHECK(column >= 1 && column <= size + 1);
}

static void check_keys(const struct v2m_key_list *keys)
{
	size_t first;
	size_t second;

	for (size_t i = 0; i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		for (size_t k = 0; k < key->n_spans; k++)
			FUZZ_CHECK(key->spans[k].transports &&
				   key->spans[k].first_port <= key->spans[k].last_port);
		FUZZ_CHECK(*key->id && *key->uuid && *key->name);
		FUZZ_CHECK(strlen(key->uuid) <= V2M_JSON_MAX_STRING);
		FUZZ_CHECK(strlen(key->name) <= V2M_JSON_MAX_STRING);
	}
	FUZZ_CHECK(v2m_key_list_clash(keys, v2m_key_order_by_id, &first, &second) == 0);
}

/* One key may have the uuid that was derived from the name of another one, or the id of another
 * one. The join leaves one of the two out. */
static bool are_distinct(const struct v2m_key_list *keys)
{
	size_t first;
	size_t second;

	return v2m_key_list_clash(keys, v2m_key_order_by_uuid, &first, &second) == 0 &&
	       v2m_key_clash_find_crossed(keys, &first, &second) == 0;
}

static void read_twice(const struct v2m_json_doc *doc, const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list again = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list joined = { 0 };
	struct v2m_error error = { 0 };
	size_t count;
	bool distinct;

	if (v2m_v2ray_read(doc, 1, &gathered.clients, &gathered.notes, &error)) {
		check_error(&error, data, size);
		return;
	}
	check_keys(&gathered.clients);
	count = gathered.clients.count;
	distinct = are_distinct(&gathered.clients);
	FUZZ_CHECK(v2m_v2ray_read(doc, 1, &again, &gathered.notes, &error) == 0);
	FUZZ_CHECK(v2m_key_list_move(&gathered.clients, &again) == 0);
	FUZZ_CHECK(v2m_key_join(&gathered, NULL, &joined, &error) == 0);
	FUZZ_CHECK(distinct ? joined.count == count : joined.count < count);
	FUZZ_CHECK(are_distinct(&joined));
	check_keys(&joined);
}

/* As two files of a directory. In the form of V2Ray 5 each inbound is merged with itself. */
static void read_as_directory(const struct v2m_json_doc *doc, const uint8_t *data, size_t size)
{
	const struct v2m_json_doc docs[] = { *doc, *doc };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	V2M_CLEANUP(v2m_key_notes_clear) struct v2m_key_notes notes = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_v2ray_read(docs, V2M_ARRAY_LEN(docs), &keys, &notes, &error))
		check_error(&error, data, size);
	else
		check_keys(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_error error = { 0 };

	v2m_log_set_level(V2M_LOG_ERROR);
	if (v2m_json_doc_parse("f", (const char *)data, size, V2M_JSON_V2RAY, &doc, &error)) {
		check_error(&error, data, size);
	} else {
		read_twice(&doc, data, size);
		read_as_directory(&doc, data, size);
	}
	return 0;
}
