// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counters in the kernel are older than the ledger: what they hold belongs to nobody. */
#include "unit/ledger/ledger_fixture.h"

#include "accounting/account_aside.h"
#include "ledger/ledger.h"

/* Deletes the file, as an operator does while the daemon is stopped. */
static void lose(struct state *state)
{
	close_ledger(state);
	each_file(state, "ledger.db*", unlink);
	open_ledger(state);
	state->mono_s = 0;
}

static void set_aside(struct state *state, uint64_t bytes)
{
	assert_int_equal(v2m_account_set_aside(state->account, sample_at(&state->one, 1001, bytes,
									 ++state->mono_s)),
			 0);
}

static const struct v2m_aside *only_aside(struct state *state)
{
	size_t count;
	const struct v2m_aside *asides = v2m_account_asides(state->account, &count);

	assert_int_equal(count, 1);
	return asides;
}

static void what_is_set_aside_belongs_to_nobody(void **context)
{
	struct state *state = *context;

	count(state, 5000, "2025-08-03T12:00:00");
	store(state);
	lose(state);
	set_aside(state, 7000);
	/* flow_of() counts each transport in each direction. */
	assert_int_equal(only_aside(state)->port, 1001);
	assert_int_equal(only_aside(state)->last_port, 1001);
	assert_int_equal(only_aside(state)->totals.rx.wire_bytes, 2 * 7000);
	apply(state, 7100, ++state->mono_s);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 100);
	store(state);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 2 * 100);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM subjects"), 2 * 100);
}

static void what_is_set_aside_survives_a_restart(void **context)
{
	struct state *state = *context;
	int64_t found_us;

	set_aside(state, 7000);
	found_us = only_aside(state)->found_us;
	store(state);
	restart(state);
	assert_int_equal(only_aside(state)->found_us, found_us);
	assert_int_equal(only_aside(state)->port, 1001);
	assert_int_equal(only_aside(state)->totals.tx.wire_bytes, 2 * 7000);
	/* The readings are known from now on. */
	state->mono_s = 0;
	apply(state, 7100, ++state->mono_s);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 100);
}

/* An old copy of the file was put back. */
static void known_bytes_are_not_set_aside(void **context)
{
	struct state *state = *context;

	apply(state, 5000, ++state->mono_s);
	store(state);
	restart(state);
	state->mono_s = 0;
	set_aside(state, 7000);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 5000);
	assert_int_equal(only_aside(state)->totals.rx.wire_bytes, 2 * 2000);
}

static void sessions_are_set_aside_too(void **context)
{
	struct state *state = *context;
	struct v2m_port_sessions opened = { .port = 1001, .assigned_ns = 5, .opened = 30 };

	apply(state, 1, ++state->mono_s);
	assert_int_equal(v2m_account_set_sessions_aside(state->account, &opened, 1, NULL, 0), 0);
	opened.opened = 32;
	assert_int_equal(
		v2m_account_connections(state->account, state->keyset, NULL, &opened, 1, 1), 0);
	assert_int_equal(v2m_account_subject(state->account, "aaaa")->sessions, 2);
}

/* Bytes that the sockets counted are in the programs' counters too. */
static void sockets_take_nothing_off_what_is_counted_after_it(void **context)
{
	struct state *state = *context;

	state->one.port = port_at(1001, 300);
	sample_at(&state->one, 1001, 300, ++state->mono_s);
	memcpy(state->one.sample.epoch, "sockets", 8);
	state->one.sample.mode = V2M_MODE_SOCKET_STATS;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	set_aside(state, 7000);
	apply(state, 7100, ++state->mono_s);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * 300 + 2 * 100);
}

static struct v2m_ledger_mark mark_of(struct state *state)
{
	struct v2m_ledger_mark mark = { 0 };

	assert_int_equal(v2m_ledger_read_mark(state->ledger, &mark, NULL), 0);
	return mark;
}

static void the_mark_counts_stores_and_names_the_ledger(void **context)
{
	struct state *state = *context;
	struct v2m_ledger_mark first = mark_of(state);
	struct v2m_ledger_mark second;

	assert_int_equal(strlen(first.name), 32);
	assert_int_equal(first.stores, 0);
	count(state, 5000, "2025-08-03T12:00:00");
	store(state);
	restart(state);
	second = mark_of(state);
	assert_string_equal(second.name, first.name);
	assert_int_equal(second.stores, 1);
	lose(state);
	assert_string_not_equal(mark_of(state).name, first.name);
}

static void remember(const struct v2m_ledger_mark *mark, void *context)
{
	*(struct v2m_ledger_mark *)context = *mark;
}

static void a_store_is_told(void **context)
{
	struct state *state = *context;
	struct v2m_ledger_mark told = { 0 };
	struct v2m_ledger_mark own;

	v2m_ledger_tell_stored(state->ledger, remember, &told);
	for (uint64_t i = 1; i < 3; i++) {
		apply(state, 1000 * i, ++state->mono_s);
		store(state);
		own = mark_of(state);
		assert_int_equal(told.stores, i);
		assert_memory_equal(&told, &own, sizeof(told));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_set_aside_belongs_to_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_set_aside_survives_a_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(known_bytes_are_not_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_are_set_aside_too, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_take_nothing_off_what_is_counted_after_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_mark_counts_stores_and_names_the_ledger, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_store_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
