// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the input as a key file and as a port file, and joins the two. */
#include <string.h>

#include "keys/formats/key_file.h"
#include "keys/key_join.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "keys/formats/port_file.h"
#include "fuzz.h"

/* Every seed has this uuid. No error may show it, unless the input has it in another place, too. */
#define SECRET "e9828d67-08e2-4942-815d-61f41b3dacf7"

static bool is_secret;

static size_t count_text(const uint8_t *data, size_t size, const char *text)
{
	const uint8_t *end = data + size;
	size_t count = 0;

	while ((data = memmem(data, (size_t)(end - data), text, strlen(text)))) {
		data += strlen(text);
		count++;
	}
	return count;
}

static void check_error(int result, const struct v2m_error *error)
{
	FUZZ_CHECK(result == 0 || strncmp(error->text, "f:", 2) == 0);
	FUZZ_CHECK(!is_secret || !strstr(error->text, SECRET));
}

static void check_joined(const struct v2m_key_list *keys)
{
	size_t first;
	size_t second;

	for (size_t i = 0; i < keys->count; i++)
		FUZZ_CHECK(*keys->items[i].id && *keys->items[i].uuid && *keys->items[i].name);
	FUZZ_CHECK(v2m_key_list_clash(keys, v2m_key_order_by_id, &first, &second) == 0);
	FUZZ_CHECK(v2m_key_list_clash(keys, v2m_key_order_by_uuid, &first, &second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list joined = { 0 };
	struct v2m_error error = { 0 };
	int result =
		v2m_json_doc_parse("f", (const char *)data, size, V2M_JSON_STRICT, &doc, &error);

	v2m_log_set_level(V2M_LOG_ERROR);
	is_secret = count_text(data, size, SECRET) ==
		    count_text(data, size, "\"uuid\": \"" SECRET "\"");
	check_error(result, &error);
	if (result)
		return 0;
	check_error(v2m_key_file_read(&doc, &gathered.customers, &error), &error);
	check_error(v2m_port_file_read(&doc, &gathered.assignments, &error), &error);
	result = v2m_key_join(&gathered, NULL, &joined, &error);
	check_error(result, &error);
	if (result)
		return 0;
	check_joined(&joined);
	return 0;
}
