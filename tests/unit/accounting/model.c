// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes random histories of key sets, ports, ranges, transports, resets and restarts. A model knows
 * what was counted for each subject. The account has to agree with it in every snapshot, and the
 * shares of each slot and of each key have to add up.
 */
#include "unit/accounting/model_world.h"

#include "base/macros.h"

#define HISTORIES 2000
#define STEPS     14

static struct v2m_span random_span(void)
{
	struct v2m_span span = {
		.first_port = (uint16_t)(1 + any(PORTS)),
		.transports = 1 + any(3),
		.loopback = any(8) == 0,
	};

	span.last_port = span.first_port;
	if (any(4) == 0)
		span.last_port = (uint16_t)(span.first_port + any(PORTS + 1u - span.first_port));
	if (any(6) == 0)
		span.front_port = (uint16_t)(1 + any(PORTS));
	return span;
}

static struct v2m_keyset *random_keyset(bool with_aliases)
{
	struct key_on on[KEYS] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < KEYS; i++) {
		uint32_t n_spans = any(4);

		if (any(4) == 0)
			continue;
		on[n].uuid = key_names[i];
		for (size_t k = 0; k < n_spans; k++)
			on[n].spans[k] = random_span();
		if (with_aliases && i < V2M_ARRAY_LEN(alias_names))
			on[n].aliases[0] = alias_names[i];
		n++;
	}
	return keyset_on(on, n);
}

/* Adds the totals of each alias to those of its key. */
static void expect_joins(struct world *world)
{
	for (size_t i = 0; i < world->keyset->n_keys; i++) {
		const struct v2m_key *key = &world->keyset->keys[i];
		struct expected *subject;
		struct expected *alias;

		if (!key->aliases.count)
			continue;
		subject = expected_of(world, key->uuid);
		alias = expected_of(world, key->aliases.items[0]);
		subject->lifetime = v2m_totals_add(subject->lifetime, alias->lifetime);
		subject->since_reset = v2m_totals_add(subject->since_reset, alias->since_reset);
		if (!v2m_totals_are_zero(&alias->lifetime))
			subject->always_several = false;
		alias->lifetime = (struct v2m_totals){ 0 };
		alias->since_reset = (struct v2m_totals){ 0 };
	}
}

static void note_single_slots(struct world *world)
{
	for (size_t i = 0; i < KEYS; i++) {
		const struct v2m_key *key = v2m_keyset_find(world->keyset, key_names[i]);
		size_t count = 0;

		if (key)
			v2m_keyset_slots_of(world->keyset, key, &count);
		if (count < 2)
			expected_of(world, key_names[i])->always_several = false;
	}
}

static void change_keys(struct world *world)
{
	struct v2m_keyset *keyset = random_keyset(any(2));

	count_in_kernel(world);
	apply(world);
	/* Packets arrive between the last sample and the change of the kernel's slots. */
	count_in_kernel(world);
	v2m_keyset_unref(world->keyset);
	world->keyset = keyset;
	place_counters(world);
	expect_joins(world);
	note_single_slots(world);
	assert_int_equal(v2m_account_bind(world->account, keyset, 1), 0);
}

static void reset(struct world *world, bool is_stored)
{
	const char *name = key_names[any(KEYS)];
	struct expected *subject = expected_of(world, name);
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	if (v2m_account_reset(world->account, name, 5, &closed, &undo))
		return;
	CHECK(equal(&closed, &subject->since_reset));
	if (is_stored) {
		subject->since_reset = (struct v2m_totals){ 0 };
		memset(subject->parts, 0, sizeof(subject->parts));
	} else {
		v2m_account_undo_reset(world->account, name, &undo);
	}
	v2m_reset_undo_clear(&undo);
}

static int copy_subject(const struct v2m_subject *subject, void *account)
{
	int result = v2m_account_restore_subject(account, subject);

	for (size_t i = 0; i < subject->parts.count && result == 0; i++)
		result = v2m_account_restore_part(account, subject->id, &subject->parts.items[i]);
	return result;
}

static int copy_raw(const struct v2m_raw_port *raw, void *account)
{
	return v2m_account_restore_raw(account, raw);
}

static int copy_alias(const struct v2m_alias *alias, void *account)
{
	return v2m_account_restore_alias(account, alias->name, alias->subject->id);
}

static void restart(struct world *world)
{
	struct v2m_account *account = v2m_account_new();

	assert_int_equal(v2m_account_each_subject(world->account, copy_subject, account), 0);
	assert_int_equal(v2m_account_each_alias(world->account, copy_alias, account), 0);
	assert_int_equal(v2m_account_each_raw(world->account, copy_raw, account), 0);
	v2m_account_free(world->account);
	world->account = account;
	assert_int_equal(v2m_account_bind(account, world->keyset, 1), 0);
}

/* The host starts again, and all counters begin at zero. */
static void reboot(struct world *world)
{
	world->epoch++;
	world->n_counters = 0;
	place_counters(world);
}

static void check_slots(const struct v2m_snapshot *snapshot)
{
	const struct v2m_slots *slots = &snapshot->keyset->slots;

	for (size_t i = 0; i < slots->count; i++) {
		const struct v2m_slot *slot = &slots->items[i];
		struct v2m_totals sum = snapshot->slots[i].unattributed;

		for (size_t k = 0; k < slot->n_keys; k++)
			sum = v2m_totals_add(
				sum,
				v2m_snapshot_share(snapshot, &snapshot->keyset->keys[slot->keys[k]],
						   slot));
		CHECK(equal(&sum, &snapshot->slots[i].since_reset));
	}
}

/* Every share except the first is what was counted in its slot. */
static void check_parts(const struct v2m_snapshot *snapshot, const struct v2m_key_view *view,
			struct expected *expected, unsigned *checked)
{
	for (size_t k = 1; k < view->n_shares && expected->always_several; k++) {
		const struct v2m_slot *slot = &snapshot->keyset->slots.items[view->shares[k].slot];

		CHECK(equal(&view->shares[k].since_reset,
			    part_of(expected, v2m_slot_number(slot))));
		*checked += !v2m_totals_are_zero(&view->shares[k].since_reset);
	}
}

static unsigned check_snapshot(struct world *world)
{
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	unsigned checked = 0;

	snapshot->references = 1;
	snapshot->keyset = v2m_keyset_ref(world->keyset);
	assert_int_equal(v2m_account_fill(world->account, snapshot), 0);
	check_slots(snapshot);
	for (size_t i = 0; i < world->keyset->n_keys; i++) {
		struct expected *expected = expected_of(world, world->keyset->keys[i].uuid);
		const struct v2m_key_view *view = &snapshot->keys[i];
		struct v2m_totals sum = { 0 };

		for (size_t k = 0; k < view->n_shares; k++)
			sum = v2m_totals_add(sum, view->shares[k].since_reset);
		CHECK(equal(&view->since_reset, &expected->since_reset));
		CHECK(!view->n_shares || equal(&sum, &view->since_reset));
		check_parts(snapshot, view, expected, &checked);
	}
	v2m_snapshot_unref(snapshot);
	return checked;
}

struct sum {
	struct world *world;
	struct v2m_totals lifetime;
};

/* The parts of a key are together never more than its totals, so no share is limited. */
static int check_subject(const struct v2m_subject *subject, void *context)
{
	struct sum *sum = context;
	struct expected *expected = expected_of(sum->world, subject->id);
	struct v2m_totals since = v2m_subject_since_reset(subject);
	struct v2m_totals lifetime = { 0 };
	struct v2m_totals parts = { 0 };

	for (size_t i = 0; i < subject->parts.count; i++) {
		const struct v2m_part *part = &subject->parts.items[i];

		lifetime = v2m_totals_add(lifetime, part->lifetime);
		parts = v2m_totals_add(parts, v2m_totals_subtract(part->lifetime, part->baseline));
	}
	CHECK(equal(&subject->lifetime, &expected->lifetime));
	CHECK(!v2m_totals_are_below(&subject->lifetime, &lifetime));
	CHECK(!v2m_totals_are_below(&since, &parts));
	sum->lifetime = v2m_totals_add(sum->lifetime, subject->lifetime);
	return 0;
}

static unsigned check(struct world *world)
{
	struct sum sum = { .world = world };

	v2m_account_each_subject(world->account, check_subject, &sum);
	CHECK(equal(&sum.lifetime, &world->counted));
	return check_snapshot(world);
}

/* Restores subjects as an earlier version stored them. */
static void begin_with_aliases(struct world *world)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(alias_names); i++) {
		struct v2m_subject subject = {
			.id = (char *)(uintptr_t)alias_names[i],
			.port = (uint16_t)(1 + any(PORTS)),
			.lifetime.rx = flow_of(1000 + any(1000)),
			.baseline.rx = flow_of(any(1000)),
		};
		struct expected *expected = expected_of(world, alias_names[i]);

		if (any(2))
			continue;
		expected->lifetime = subject.lifetime;
		expected->since_reset = v2m_subject_since_reset(&subject);
		world->counted = v2m_totals_add(world->counted, subject.lifetime);
		assert_int_equal(v2m_account_restore_subject(world->account, &subject), 0);
	}
}

static unsigned run_history(void)
{
	struct world *world = calloc(1, sizeof(*world));
	unsigned checked = 0;

	world->account = v2m_account_new();
	world->keyset = keyset_of(NULL, 0);
	begin_with_aliases(world);
	for (size_t i = 0; i < KEYS; i++)
		expected_of(world, key_names[i]);
	change_keys(world);
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t what = any(12);

		count_in_kernel(world);
		if (what < 3)
			change_keys(world);
		else if (what < 6)
			reset(world, what != 5);
		else if (what == 6)
			restart(world);
		else if (what == 7)
			reboot(world);
		else
			apply(world);
		checked += check(world);
	}
	v2m_account_free(world->account);
	v2m_keyset_unref(world->keyset);
	free(world);
	return checked;
}

static void all_sums_add_up_to_the_raw_counters_in_every_history(void **context)
{
	unsigned checked = 0;

	(void)context;
	for (history_number = 1; history_number <= HISTORIES; history_number++) {
		seed = 0x9e3779b97f4a7c15u * history_number;
		checked += run_history();
	}
	/* The histories have keys with several slots, whose parts were compared. */
	assert_true(checked > HISTORIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sums_add_up_to_the_raw_counters_in_every_history),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
