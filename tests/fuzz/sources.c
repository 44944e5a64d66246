// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the input as a key source of whatever format it has, a database of a panel among them, and
 * joins it with itself as a second source.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "keys/formats/source_read.h"
#include "keys/key_join.h"
#include "scratch.h"

static void check_keys(const struct v2m_key_list *keys, bool have_ports)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		FUZZ_CHECK(*key->uuid && (!have_ports || (*key->id && *key->name)));
		for (size_t k = 0; k < key->n_spans; k++)
			FUZZ_CHECK(key->spans[k].transports && key->spans[k].first_port &&
				   key->spans[k].first_port <= key->spans[k].last_port);
	}
}

static void check_error(const struct v2m_error *error, const char *path)
{
	FUZZ_CHECK(strncmp(error->text, path, strlen(path)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list joined = { 0 };
	const struct v2m_live_sources live = { 0 };
	const char *path = scratch_file("source", data, size);
	struct v2m_error error = { 0 };
	const char *kind = NULL;

	v2m_log_set_level(V2M_LOG_ERROR);
	for (int i = 0; i < 2; i++) {
		int result = v2m_source_read(path, &live, &gathered, &kind, &error);

		FUZZ_CHECK(kind && *kind);
		if (result) {
			check_error(&error, path);
			return 0;
		}
	}
	check_keys(&gathered.customers, true);
	check_keys(&gathered.clients, true);
	check_keys(&gathered.assignments, false);
	if (v2m_key_join(&gathered, NULL, &joined, &error))
		FUZZ_CHECK(*error.text);
	else
		check_keys(&joined, true);
	return 0;
}
