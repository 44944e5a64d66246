// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What keys counted on each of their ports, in exports and imports. */
#include "unit/ledger/transfer_fixture.h"

static uint64_t part_of(const struct state *state, uint32_t slot_number)
{
	const struct v2m_subject *subject = v2m_account_subject(state->account, "aaaa");
	const struct v2m_part *part = v2m_parts_find(&subject->parts, slot_number);

	return part ? part->lifetime.rx.wire_bytes - part->baseline.rx.wire_bytes : UINT64_MAX;
}

/* The new server has one slot of the key until then, and its bytes stay those of that slot. */
static void the_parts_of_a_key_stay_those_of_their_slots(void **context)
{
	struct pair *pair = *context;
	const struct v2m_part parts[] = {
		{ .slot_number = 1001, .lifetime.rx.wire_bytes = 120 },
		{ .slot_number = 65536 + 2000,
		  .lifetime.rx.wire_bytes = 90,
		  .baseline.rx.wire_bytes = 40 },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(parts); i++)
		assert_int_equal(v2m_account_restore_part(pair->old->account, "aaaa", &parts[i]),
				 0);
	export(pair);
	count(pair->new, 500, "2025-08-01T13:00:00");
	store(pair->new);
	assert_int_equal(import(pair).added, 1);
	assert_int_equal(part_of(pair->new, 1001), 1000 + 120);
	assert_int_equal(part_of(pair->new, 65536 + 2000), 50);
	restart(pair->new);
	assert_imported(pair->new, 1300, 1100);
	assert_int_equal(part_of(pair->new, 1001), 1000 + 120);
	assert_int_equal(part_of(pair->new, 65536 + 2000), 50);
}

static void an_import_that_is_undone_takes_the_parts_back(void **context)
{
	struct pair *pair = *context;
	const struct v2m_part part = { .slot_number = 1001, .lifetime.rx.wire_bytes = 120 };
	struct v2m_error error = { 0 };

	assert_int_equal(v2m_account_restore_part(pair->old->account, "aaaa", &part), 0);
	export(pair);
	count(pair->new, 500, "2025-08-01T13:00:00");
	store(pair->new);
	sql(pair->new, "CREATE TRIGGER refuse BEFORE INSERT ON days WHEN NEW.date = 20250731"
		       " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(import_error(pair, pair->text, &error), 0);
	assert_int_equal(part_of(pair->new, 1001), 1000);
	count(pair->new, 600, "2025-08-01T14:00:00");
	assert_int_equal(part_of(pair->new, 1001), 1200);
}

#define PART(slot, wire)                                                                           \
	"{\"slot\":" slot ",\"lifetime\":[0," wire ",0,0,0,0,0,0],"                                \
	"\"baseline\":[0,0,0,0,0,0,0,0]}"

static void parts_that_are_wrong_are_refused(void **context)
{
	struct pair *pair = *context;
	static const struct wrong cases[] = {
		{ "\"months\":", "\"parts\":7,\"months\":", "parts" },
		{ "\"months\":", "\"parts\":[" PART("65536", "1") "],\"months\":",
		  "expected the number of a slot" },
		{ "\"months\":", "\"parts\":[" PART("131072", "1") "],\"months\":", "slot" },
		{ "\"months\":", "\"parts\":[" PART("1", "1") "," PART("1", "1") "],\"months\":",
		  "expected every slot once" },
		{ "\"months\":",
		  "\"parts\":[" PART("1", "200") "," PART("2", "101") "],\"months\":",
		  "expected no more than lifetime in all" },
	};

	assert_refused(pair, cases, V2M_ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(the_parts_of_a_key_stay_those_of_their_slots),
		PAIR(an_import_that_is_undone_takes_the_parts_back),
		PAIR(parts_that_are_wrong_are_refused),
	};

	return cmocka_run_group_tests_name("ledger_transfer_parts", tests, NULL, NULL);
}
