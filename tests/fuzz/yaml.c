// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the input as YAML, and what that gives as a V2Ray configuration. */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "json/yaml_doc.h"
#include "keys/formats/v2ray_config.h"
#include "fuzz.h"

static void check_error(int result, const struct v2m_error *error)
{
	FUZZ_CHECK(result == 0 || strncmp(error->text, "f:", 2) == 0);
}

static void check_notes(const struct v2m_key_notes *notes)
{
	FUZZ_CHECK(notes->count <= V2M_KEY_NOTES_MAX);
	for (size_t i = 0; i < notes->count; i++)
		FUZZ_CHECK(notes->items[i].line == 0 || notes->items[i].column >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	V2M_CLEANUP(v2m_key_notes_clear) struct v2m_key_notes notes = { 0 };
	struct v2m_error error = { 0 };
	int result = v2m_yaml_doc_parse("f", (const char *)data, size, &doc, &error);

	v2m_log_set_level(V2M_LOG_ERROR);
	check_error(result, &error);
	if (result)
		return 0;
	check_error(v2m_v2ray_read(&doc, 1, &keys, &notes, &error), &error);
	check_notes(&notes);
	return 0;
}
