// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What answers say of bytes that no user of a shared port got. */
#include "base/file.h"
#include "unit/api/api_fixture.h"
#include "api/traffic.h"

/* Of the port of a key. */
static struct v2m_attribution_view *attribution_of(const struct world *world, const char *id)
{
	const struct v2m_keyset *keyset = world->snapshot->keyset;
	const struct v2m_key *key = v2m_keyset_find(keyset, id);

	for (size_t i = 0; i < keyset->slots.count; i++)
		for (size_t k = 0; k < keyset->slots.items[i].n_keys; k++)
			if (&keyset->keys[keyset->slots.items[i].keys[k]] == key)
				return &world->snapshot->slots[i].attribution;
	fail();
	return NULL;
}

static void each_reason_for_bytes_of_nobody_is_in_the_documents(void **state)
{
	struct world *world = *state;
	struct v2m_attribution_view *attribution = attribution_of(world, "shared-a");
	char *documents = NULL;
	size_t length;

	assert_int_equal(v2m_read_file("../../docs/shared-ports.md", 1 << 20, &documents, &length),
			 0);
	attribution->method = V2M_BY_ACCESS_LOG;
	attribution->gap_us = INT64_MAX;
	for (int gap = 0; gap < V2M_N_ATTRIBUTION_GAPS; gap++) {
		const json_t *told;
		json_t *answer;
		char row[256];

		attribution->gap = (enum v2m_attribution_gap)gap;
		answer = render(world, v2m_api_key_simple, "shared-a", 200);
		told = at(answer, "traffic/accounting/attribution");
		assert_true(json_is_false(json_object_get(told, "complete")));
		snprintf(row, sizeof(row), "\n| %s |",
			 json_string_value(json_object_get(told, "reason")));
		if (!strstr(documents, row))
			fail_msg("docs/shared-ports.md has no row%s", row);
		json_decref(answer);
	}
	free(documents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(each_reason_for_bytes_of_nobody_is_in_the_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
