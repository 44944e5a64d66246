// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory runs out at every place where the account allocates: nothing is accounted by half. The
 * linker sends the account's allocations to the functions here. */
#include "unit/fixture.h"

#include <errno.h>
#include <stdio.h>

static unsigned until_failure; /* 0: never */

static bool fails_now(void)
{
	return until_failure && --until_failure == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails_now() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

#define KEYS 100

static char names[KEYS][16];

static struct v2m_keyset *many_keys(void)
{
	struct key_of of[KEYS];

	for (size_t i = 0; i < KEYS; i++) {
		snprintf(names[i], sizeof(names[i]), "key-%zu", i);
		of[i] = (struct key_of){ names[i], (uint16_t)(1001 + i) };
	}
	return keyset_of(of, KEYS);
}

/* Every port stands at bytes. A second of the sample is a day, so that pending must grow. */
static void sample_of(struct v2m_port_sample ports[KEYS], uint64_t bytes, uint64_t second,
		      struct v2m_sample *sample)
{
	for (size_t i = 0; i < KEYS; i++)
		ports[i] = port_at((uint16_t)(1001 + i), bytes);
	*sample = (struct v2m_sample){
		.epoch = "epoch",
		.mono_ns = second * SECOND_NS,
		.real_us = (int64_t)second * 86400 * SECOND_US,
		.ports = ports,
		.n_ports = KEYS,
	};
}

static uint64_t sum(const struct v2m_account *account)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < KEYS; i++)
		if (v2m_account_subject(account, names[i]))
			bytes += lifetime_rx(account, names[i]);
	return bytes;
}

static uint64_t pending_sum(const struct v2m_account *account)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < KEYS; i++) {
		const struct v2m_subject *subject = v2m_account_subject(account, names[i]);

		for (size_t d = 0; subject && d < subject->pending.n_days; d++)
			bytes += subject->pending.days[d].figures.totals.rx.wire_bytes;
	}
	return bytes;
}

/* Applies the sample again and again while memory runs out later each time. Returns how often that
 * failed. */
static unsigned apply_in_spite(struct v2m_account *account, struct v2m_keyset *keyset,
			       const struct v2m_sample *sample)
{
	const uint64_t before = sum(account);
	unsigned failures = 0;

	for (unsigned n = 1;; n++) {
		int result;

		until_failure = n;
		result = v2m_account_apply(account, keyset, sample);
		until_failure = 0;
		if (result == 0)
			return failures;
		assert_int_equal(result, -ENOMEM);
		assert_int_equal(sum(account), before);
		assert_int_equal(pending_sum(account), before);
		failures++;
	}
}

static void a_sample_is_accounted_whole_or_not_at_all(void **context)
{
	struct v2m_account *account = v2m_account_new();
	struct v2m_keyset *keyset = many_keys();
	struct v2m_port_sample ports[KEYS];
	struct v2m_sample sample;
	unsigned failures = 0;

	(void)context;
	for (uint64_t second = 1; second <= 6; second++) {
		sample_of(ports, 100 * second, second, &sample);
		failures += apply_in_spite(account, keyset, &sample);
		assert_int_equal(sum(account), KEYS * 200 * second);
		assert_int_equal(pending_sum(account), KEYS * 200 * second);
	}
	assert_true(failures > 10);
	v2m_keyset_unref(keyset);
	v2m_account_free(account);
}

static void connections_are_accounted_whole_or_not_at_all(void **context)
{
	struct v2m_account *account = v2m_account_new();
	struct v2m_keyset *keyset = many_keys();
	struct v2m_connection_table *tables[] = { connections_of(1001, 1, 3),
						  connections_of(1001, 2, 8) };
	unsigned failures = 0;

	(void)context;
	for (size_t t = 0; t < 2; t++) {
		unsigned n = 0;
		int result;

		do {
			until_failure = ++n;
			result = v2m_account_connections(account, keyset, tables[t], NULL, 0, 1);
			until_failure = 0;
			if (result && t == 1)
				assert_int_equal(v2m_account_subject(account, names[0])->sessions,
						 0);
			failures += result == -ENOMEM;
		} while (result);
		v2m_connection_table_unref(tables[t]);
	}
	assert_true(failures > 4);
	assert_int_equal(v2m_account_subject(account, names[0])->sessions, 5);
	assert_int_equal(v2m_account_subject(account, names[0])->max_connections, 7);
	v2m_keyset_unref(keyset);
	v2m_account_free(account);
}

static uint64_t sum_of_two(const struct v2m_account *account)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < 2; i++)
		if (v2m_account_subject(account, i ? "new" : "old"))
			bytes += lifetime_rx(account, i ? "new" : "old");
	return bytes;
}

static void a_subject_is_joined_completely_or_not_at_all(void **context)
{
	static const struct key_on before[] = {
		{ .uuid = "new", .spans = { { 1, 1, V2M_TCP, false, 0 } } },
		{ .uuid = "old", .spans = { { 2, 2, V2M_TCP, false, 0 } } },
	};
	static const struct key_on after[] = {
		{ .uuid = "new",
		  .spans = { { 1, 1, V2M_TCP, false, 0 }, { 2, 2, V2M_TCP, false, 0 } },
		  .aliases = { "old" } },
	};
	struct v2m_account *account = v2m_account_new();
	struct v2m_keyset *apart = keyset_on(before, 2);
	struct v2m_keyset *joined = keyset_on(after, 1);
	struct v2m_port_sample ports[] = { port_at(1, 10), port_at(2, 500) };
	struct v2m_sample sample = { .epoch = "epoch", .ports = ports, .n_ports = 2 };
	unsigned n = 0;
	int result;

	(void)context;
	assert_int_equal(v2m_account_apply(account, apart, &sample), 0);
	do {
		until_failure = ++n;
		result = v2m_account_bind(account, joined, 1);
		until_failure = 0;
		assert_int_equal(sum_of_two(account), 510);
		/* The key set from before is bound again, with what has been made by now. */
		if (result)
			assert_int_equal(v2m_account_apply(account, apart, &sample), 0);
	} while (result);
	assert_true(n > 4);
	assert_null(v2m_account_subject(account, "old"));
	assert_int_equal(v2m_account_subject(account, "new")->parts.count, 2);
	assert_int_equal(
		v2m_account_subject(account, "new")->pending.days[0].figures.totals.rx.wire_bytes,
		510);
	v2m_keyset_unref(apart);
	v2m_keyset_unref(joined);
	v2m_account_free(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_is_accounted_whole_or_not_at_all),
		cmocka_unit_test(connections_are_accounted_whole_or_not_at_all),
		cmocka_unit_test(a_subject_is_joined_completely_or_not_at_all),
	};

	return cmocka_run_group_tests_name("account_memory", tests, NULL, NULL);
}
