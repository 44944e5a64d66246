// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/api_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "apikeys/api_key_file.h"
#include "apikeys/key_ring.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/macros.h"

static char directory[PATH_MAX];
static char path[PATH_MAX + 32];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/v2m-api-keys-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/" V2M_API_KEY_FILE, directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

/* The examples of FIPS 180-4, one of its length around a block, and a million times "a". */
static void hashes_are_those_of_sha_256(void **state)
{
	static const struct {
		const char *text;
		const char *hash;
	} vectors[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	static char million[1000000];
	uint8_t hash[V2M_SHA256_LEN];
	char text[2 * V2M_SHA256_LEN + 1];

	(void)state;
	memset(million, 'a', sizeof(million));
	for (size_t i = 0; i <= V2M_ARRAY_LEN(vectors); i++) {
		bool last = i == V2M_ARRAY_LEN(vectors);

		v2m_sha256(last ? million : vectors[i].text,
			   last ? sizeof(million) : strlen(vectors[i].text), hash);
		for (size_t j = 0; j < sizeof(hash); j++)
			snprintf(text + 2 * j, 3, "%02x", hash[j]);
		assert_string_equal(
			text,
			last ? "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
			     : vectors[i].hash);
	}
}

static void scopes_are_read_and_written(void **state)
{
	static const char *const wrong[] = { "",           "Read",  "read,",       ",read",
					     "read reset", "write", "read,,reset", "readonly",
					     "rea" };
	char text[V2M_SCOPES_LEN];
	unsigned scopes = 0;

	(void)state;
	assert_int_equal(v2m_scopes_parse("admin,metrics,reset,read", &scopes), 0);
	assert_int_equal(scopes, V2M_SCOPES_ALL);
	v2m_scopes_format(scopes, text);
	assert_string_equal(text, "read,reset,metrics,admin");
	for (size_t i = 0; i < V2M_ARRAY_LEN(wrong); i++)
		assert_int_equal(v2m_scopes_parse(wrong[i], &scopes), -EINVAL);
	assert_true(v2m_scopes_include(V2M_SCOPE_READ, V2M_SCOPE_METRICS));
	assert_false(v2m_scopes_include(V2M_SCOPE_METRICS, V2M_SCOPE_READ));
	assert_false(v2m_scopes_include(V2M_SCOPE_ADMIN, V2M_SCOPE_RESET));
	assert_false(v2m_scopes_include(V2M_SCOPE_RESET, V2M_SCOPE_READ));
}

static void a_key_is_found_by_its_whole_text_only(void **state)
{
	struct v2m_api_keys keys = { .count = 1 };

	(void)state;
	strcpy(keys.items[0].name, "bot");
	v2m_sha256("second", 6, keys.items[0].hash);
	v2m_api_keys_set_single(&keys, "first");
	v2m_api_keys_set_single(&keys, "single");
	assert_int_equal(keys.count, 2);
	assert_null(v2m_api_keys_find(&keys, "first"));
	assert_string_equal(v2m_api_keys_find(&keys, "single")->name, V2M_SINGLE_KEY_NAME);
	assert_int_equal(v2m_api_keys_find(&keys, "single")->scopes, V2M_SCOPES_ALL);
	assert_string_equal(v2m_api_keys_find(&keys, "second")->name, "bot");
	assert_null(v2m_api_keys_find(&keys, "secon"));
	assert_null(v2m_api_keys_find(&keys, "second1"));
	assert_null(v2m_api_keys_find(&keys, ""));
	for (size_t i = 0; i < V2M_SHA256_LEN; i++) {
		keys.items[1].hash[i] ^= 1;
		assert_null(v2m_api_keys_find(&keys, "second"));
		keys.items[1].hash[i] ^= 1;
	}
}

static void write_text(const char *text, unsigned mode)
{
	assert_int_equal(v2m_write_file(path, text, strlen(text), mode), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void keys_come_back_from_the_file(void **state)
{
	struct v2m_api_keys keys = { .count = V2M_NAMED_KEYS_MAX };
	struct v2m_api_keys got;
	struct v2m_error error;
	struct stat status;

	(void)state;
	memset(&got, 0, sizeof(got));
	assert_int_equal(v2m_api_key_file_read(directory, &got, &error), 0);
	assert_int_equal(got.count, 0);
	for (size_t i = 0; i < V2M_NAMED_KEYS_MAX; i++) {
		snprintf(keys.items[i].name, V2M_API_KEY_NAME_LEN, "key-%zu", i);
		keys.items[i].scopes = 1 + i % V2M_SCOPES_ALL;
		v2m_sha256(&i, sizeof(i), keys.items[i].hash);
	}
	strcpy(keys.items[3].created_at, "2026-01-31T12:00:00Z");
	v2m_api_keys_set_single(&keys, "single");
	assert_int_equal(v2m_api_key_file_write(directory, &keys, &error), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(v2m_api_key_file_read(directory, &got, &error), 0);
	assert_int_equal(got.count, V2M_NAMED_KEYS_MAX);
	assert_memory_equal(got.items, keys.items + 1, got.count * sizeof(*got.items));
}

#define HASH  "\"sha256\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""
#define NAME  "\"name\": \"bot\""
#define READ  "\"scopes\": [\"read\"]"
#define FILE1 "{\"api_keys\": [{" NAME ", " READ ", " HASH "}]}"

static void a_wrong_file_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} wrong[] = {
		{ "", "" },
		{ "[]", "" },
		{ "{\"api_key\": []}", "api_key" },
		{ "{\"api_keys\": {}}", "api_keys" },
		{ "{\"api_keys\": [{" READ ", " HASH "}]}", "api_keys[0].name" },
		{ "{\"api_keys\": [{\"name\": \"api_key\", " READ ", " HASH "}]}", "name" },
		{ "{\"api_keys\": [{\"name\": \"a b\", " READ ", " HASH "}]}", "name" },
		{ "{\"api_keys\": [{" NAME ", " HASH "}]}", "api_keys[0].scopes" },
		{ "{\"api_keys\": [{" NAME ", \"scopes\": [], " HASH "}]}", "scopes" },
		{ "{\"api_keys\": [{" NAME ", \"scopes\": [\"all\"], " HASH "}]}", "scopes[0]" },
		{ "{\"api_keys\": [{" NAME ", " READ "}]}", "api_keys[0].sha256" },
		{ "{\"api_keys\": [{" NAME ", " READ ", \"sha256\": \"E3B0\"}]}", "sha256" },
		{ "{\"api_keys\": [{" NAME ", " READ ", " HASH "}, {" NAME ", " READ ", " HASH
		  "}]}",
		  "api_keys[1]: there is another key of this name" },
		{ "{\"api_keys\": [{" NAME ", " READ ", " HASH "}, {\"name\": \"bot2\", " READ
		  ", " HASH "}]}",
		  "api_keys[1]: there is another key of this hash" },
		{ "{\"api_keys\": [{" NAME ", " READ ", " HASH ", \"key\": \"x\"}]}", "key" },
	};
	struct v2m_api_keys keys = { .count = 7 };
	struct v2m_error error;

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(wrong); i++) {
		write_text(wrong[i].text, 0600);
		assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), -EINVAL);
		assert_non_null(strstr(error.text, path));
		assert_non_null(strstr(error.text, wrong[i].place));
		assert_int_equal(keys.count, 7);
	}
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	struct v2m_api_keys keys = { .count = 7 };
	struct v2m_error error;
	char target[PATH_MAX + 64];

	(void)state;
	write_text(FILE1, 0620);
	assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), -EINVAL);
	write_text(FILE1, 0602);
	assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), -EINVAL);
	write_text(FILE1, 0600);
	assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), 0);
	assert_int_equal(keys.count, 1);
	/* Only root can give a file away. */
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), -EINVAL);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	snprintf(target, sizeof(target), "%s.target", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(v2m_api_key_file_read(directory, &keys, &error), -EINVAL);
	unlink(target);
}

#define READERS  8
#define FLOOD_NS UINT64_C(3000000000)

struct flood {
	struct v2m_key_ring ring;
	uint64_t end_ns;
};

static void *look_without_a_pause(void *argument)
{
	struct flood *flood = argument;
	struct v2m_api_key key;

	while (v2m_clock_mono_ns() < flood->end_ns)
		v2m_key_ring_find(&flood->ring, "a key that nobody has", &key);
	return NULL;
}

static void keys_are_replaced_during_a_flood_of_requests(void **state)
{
	struct v2m_api_keys keys = { .count = 0 };
	struct flood flood = { .end_ns = v2m_clock_mono_ns() + FLOOD_NS };
	pthread_t readers[READERS];
	struct v2m_api_key key;

	(void)state;
	v2m_key_ring_init(&flood.ring, &keys);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, look_without_a_pause, &flood),
				 0);
	v2m_api_keys_set_single(&keys, "new");
	v2m_key_ring_replace(&flood.ring, &keys);
	assert_true(v2m_clock_mono_ns() < flood.end_ns);
	flood.end_ns = 0;
	for (size_t i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_true(v2m_key_ring_find(&flood.ring, "new", &key));
	v2m_key_ring_destroy(&flood.ring);
}

static void a_key_that_was_found_is_valid_as_long_as_it_is_in_the_ring(void **state)
{
	struct v2m_api_keys keys = { .count = 0 };
	struct v2m_key_ring ring;
	struct v2m_api_key key;
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	v2m_api_keys_set_single(&keys, "first");
	v2m_key_ring_init(&ring, &keys);
	for (unsigned i = 0; i < 2; i++) {
		memset(&key, 0, sizeof(key));
		assert_true(v2m_key_ring_find(&ring, "first", &key));
		assert_string_equal(key.name, V2M_SINGLE_KEY_NAME);
		assert_int_equal(key.scopes, V2M_SCOPES_ALL);
		/* One byte differs, or one is missing. */
		assert_false(v2m_key_ring_find(&ring, "firsT", &key));
		assert_false(v2m_key_ring_find(&ring, "First", &key));
		assert_false(v2m_key_ring_find(&ring, "firs", &key));
		assert_false(v2m_key_ring_find(&ring, "", &key));
	}
	v2m_api_keys_set_single(&keys, longest);
	v2m_key_ring_replace(&ring, &keys);
	assert_false(v2m_key_ring_find(&ring, "first", &key));
	for (unsigned i = 0; i < 2; i++)
		assert_true(v2m_key_ring_find(&ring, longest, &key));
	keys.count = 0;
	v2m_key_ring_replace(&ring, &keys);
	assert_false(v2m_key_ring_find(&ring, longest, &key));
	v2m_key_ring_destroy(&ring);
}

static void a_key_of_one_ring_is_none_of_another(void **state)
{
	struct v2m_api_keys keys = { .count = 0 };
	struct v2m_key_ring ring;
	struct v2m_api_key key;

	(void)state;
	v2m_api_keys_set_single(&keys, "first");
	v2m_key_ring_init(&ring, &keys);
	assert_true(v2m_key_ring_find(&ring, "first", &key));
	v2m_key_ring_destroy(&ring);
	v2m_api_keys_set_single(&keys, "other");
	v2m_key_ring_init(&ring, &keys);
	assert_false(v2m_key_ring_find(&ring, "first", &key));
	assert_true(v2m_key_ring_find(&ring, "other", &key));
	v2m_key_ring_forget();
	assert_true(v2m_key_ring_find(&ring, "other", &key));
	v2m_key_ring_destroy(&ring);
}

/* In the same block of memory as the one that the ring has for each thread. */
static __thread char own;

/* The mapping of a variable. */
static void find_mapping(const void *variable, uintptr_t *start, uintptr_t *end)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uintptr_t place = (uintptr_t)variable;
	char line[PATH_MAX + 128];

	*start = *end = 0;
	assert_non_null(maps);
	while (place >= *end && fgets(line, sizeof(line), maps))
		assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR, start, end), 2);
	fclose(maps);
	assert_true(place >= *start && place < *end);
}

/* Whether the variables that this thread has for itself contain the text. Reads them as another
 * process would: a sanitizer takes some of them for forbidden. */
static bool thread_holds(const char *text)
{
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	uintptr_t start;
	uintptr_t end;
	char *copy;
	bool found;

	find_mapping(&own, &start, &end);
	copy = malloc(end - start);
	assert_non_null(copy);
	assert_int_equal(pread(memory, copy, end - start, (off_t)start), end - start);
	found = memmem(copy, end - start, text, strlen(text));
	explicit_bzero(copy, end - start);
	free(copy);
	close(memory);
	return found;
}

static void a_thread_that_forgets_holds_no_key(void **state)
{
	struct v2m_api_keys keys = { .count = 0 };
	struct v2m_key_ring ring;
	struct v2m_api_key key;

	(void)state;
	v2m_api_keys_set_single(&keys, "a key to be forgotten");
	v2m_key_ring_init(&ring, &keys);
	assert_false(thread_holds("a key to be forgotten"));
	assert_true(v2m_key_ring_find(&ring, "a key to be forgotten", &key));
	assert_true(thread_holds("a key to be forgotten"));
	v2m_key_ring_forget();
	assert_false(thread_holds("a key to be forgotten"));
	assert_true(v2m_key_ring_find(&ring, "a key to be forgotten", &key));
	v2m_key_ring_destroy(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_those_of_sha_256),
		cmocka_unit_test(scopes_are_read_and_written),
		cmocka_unit_test(a_key_is_found_by_its_whole_text_only),
		cmocka_unit_test(keys_come_back_from_the_file),
		cmocka_unit_test(a_wrong_file_is_refused_with_its_place),
		cmocka_unit_test(a_file_that_others_can_write_is_refused),
		cmocka_unit_test(a_key_that_was_found_is_valid_as_long_as_it_is_in_the_ring),
		cmocka_unit_test(a_key_of_one_ring_is_none_of_another),
		cmocka_unit_test(a_thread_that_forgets_holds_no_key),
		cmocka_unit_test(keys_are_replaced_during_a_flood_of_requests),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
