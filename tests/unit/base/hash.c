// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/hash.h"

static bool random_is_forbidden;

ssize_t __real_getrandom(void *buffer, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned flags);

ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned flags)
{
	return random_is_forbidden ? -1 : __real_getrandom(buffer, length, flags);
}

/* The hash of a text in another process, which makes a key of its own. */
static uint64_t hash_elsewhere(const char *program)
{
	char command[512];
	uint64_t hash = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s hash", program);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%lx", &hash), 1);
	assert_int_equal(pclose(pipe), 0);
	return hash;
}

static void each_process_has_another_key(void **state)
{
	const char *program = *state;

	assert_int_not_equal(hash_elsewhere(program), hash_elsewhere(program));
}

static void a_process_without_getrandom_has_another_key_each_time_too(void **state)
{
	const char *program = *state;

	setenv("V2M_TEST_NO_RANDOM", "1", 1);
	assert_int_not_equal(hash_elsewhere(program), hash_elsewhere(program));
	unsetenv("V2M_TEST_NO_RANDOM");
}

/* Some of the 64 values that the authors publish (https://github.com/veorq/SipHash, vectors.h),
 * here as numbers. The key is 00 01 ... 0f, and the text of n bytes is 00 01 ... n-1. */
static void hashes_are_those_of_siphash_2_4(void **state)
{
	static const struct {
		size_t length;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 }, { 9, 0x9e0082df0ba9e4b0 }, { 15, 0xa129ca6149be45e5 },
	};
	uint8_t key[V2M_HASH_KEY_LEN];
	uint8_t text[16];

	(void)state;
	for (uint8_t i = 0; i < sizeof(text); i++) {
		text[i] = i;
		key[i] = i;
	}
	v2m_hash_set_key(key);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(v2m_hash(text, vectors[i].length) == vectors[i].hash);
}

/* The values are from the authors' page (isthe.com/chongo/tech/comp/fnv). */
static void fnv_hashes_are_the_published_ones(void **state)
{
	(void)state;
	assert_int_equal(v2m_fnv32(V2M_FNV32_START, "", 0), 0x811c9dc5);
	assert_int_equal(v2m_fnv32(V2M_FNV32_START, "foobar", 6), 0xbf9cf968);
	assert_true(v2m_fnv64(V2M_FNV64_START, "foobar", 6) == 0x85944171f73967e8);
	assert_true(v2m_fnv64(v2m_fnv64(V2M_FNV64_START, "foo", 3), "bar", 3) ==
		    0x85944171f73967e8);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(each_process_has_another_key, argv[0]),
		cmocka_unit_test_prestate(a_process_without_getrandom_has_another_key_each_time_too,
					  argv[0]),
		cmocka_unit_test(hashes_are_those_of_siphash_2_4),
		cmocka_unit_test(fnv_hashes_are_the_published_ones),
	};

	if (argc > 1) {
		random_is_forbidden = getenv("V2M_TEST_NO_RANDOM") != NULL;
		return printf("%lx\n", v2m_hash("text", 4)) < 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
