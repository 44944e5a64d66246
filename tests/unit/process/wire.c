// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"

struct sample {
	uint16_t port;
	int64_t when_us;
	bool on;
	unsigned mode; /* 0 to 2 */
	char field[8];
	char *text;
	char *missing;
	uint32_t *items;
	size_t n_items;
	const char *blob;
	size_t blob_length;
};

static void put_sample(struct v2m_wire *wire, struct sample *sample)
{
	v2m_wire_u16(wire, &sample->port);
	v2m_wire_i64(wire, &sample->when_us);
	v2m_wire_bool(wire, &sample->on);
	sample->mode = v2m_wire_limited(wire, sample->mode, 2);
	v2m_wire_chars(wire, sample->field, sizeof(sample->field));
	v2m_wire_text(wire, &sample->text);
	v2m_wire_text(wire, &sample->missing);
	sample->items = v2m_wire_array(wire, sample->items, &sample->n_items, 4, 4);
	for (size_t i = 0; i < sample->n_items; i++)
		v2m_wire_u32(wire, &sample->items[i]);
	v2m_wire_blob(wire, &sample->blob, &sample->blob_length);
}

static struct v2m_wire write_sample(void)
{
	struct v2m_wire wire = { 0 };
	struct sample sample = {
		.port = 443,
		.when_us = -5,
		.on = true,
		.mode = 2,
		.field = "eth0",
		.text = (char *)"caf\xc3\xa9",
		.items = (uint32_t[]){ 1, 2, 3 },
		.n_items = 3,
		.blob = "a\0b",
		.blob_length = 3,
	};

	put_sample(&wire, &sample);
	assert_int_equal(v2m_wire_end(&wire), 0);
	return wire;
}

static void clear_sample(struct sample *sample)
{
	free(sample->text);
	free(sample->missing);
	free(sample->items);
}

static void test_what_is_read_is_what_was_written(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = write_sample();
	V2M_CLEANUP(clear_sample) struct sample sample = { 0 };
	struct v2m_wire reader = v2m_wire_reader(wire.items, wire.length);

	(void)state;
	put_sample(&reader, &sample);
	assert_int_equal(v2m_wire_end(&reader), 0);
	assert_int_equal(sample.port, 443);
	assert_int_equal(sample.when_us, -5);
	assert_true(sample.on);
	assert_int_equal(sample.mode, 2);
	assert_string_equal(sample.field, "eth0");
	assert_string_equal(sample.text, "caf\xc3\xa9");
	assert_null(sample.missing);
	assert_int_equal(sample.n_items, 3);
	assert_int_equal(sample.items[2], 3);
	assert_int_equal(sample.blob_length, 3);
	assert_memory_equal(sample.blob, "a\0b", 3);
}

/* The copies have the exact size, so that AddressSanitizer sees a read beyond them. */
static int read_copy(const uint8_t *data, size_t length)
{
	V2M_FREE uint8_t *copy = malloc(length ? length : 1);
	V2M_CLEANUP(clear_sample) struct sample sample = { 0 };
	struct v2m_wire reader = v2m_wire_reader(copy, length);

	if (length)
		memcpy(copy, data, length);
	put_sample(&reader, &sample);
	return v2m_wire_end(&reader);
}

static void test_every_shorter_or_longer_text_is_refused(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = write_sample();
	uint8_t more[512] = { 0 };

	(void)state;
	for (size_t length = 0; length < wire.length; length++)
		assert_int_equal(read_copy(wire.items, length), -EBADMSG);
	memcpy(more, wire.items, wire.length);
	assert_int_equal(read_copy(more, wire.length), 0);
	assert_int_equal(read_copy(more, wire.length + 1), -EBADMSG);
}

static void expect_refused(size_t at, const void *bytes, size_t length)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = write_sample();

	assert_true(at + length <= wire.length);
	memcpy(wire.items + at, bytes, length);
	assert_int_equal(read_copy(wire.items, wire.length), -EBADMSG);
}

static void test_values_that_are_not_allowed_are_refused(void **state)
{
	(void)state;
	expect_refused(10, "\2", 1);                               /* a bool */
	expect_refused(11, "\3", 1);                               /* above its limit */
	expect_refused(15, "12345678", 8);                         /* a field without an end */
	expect_refused(23, "\xff\xff\xff\x7f", 4);                 /* a string that is too long */
	expect_refused(27, "\0", 1);                               /* a 0 within a string */
	expect_refused(36, "\xff\xff\xff\xff\xff\xff\xff\x3f", 8); /* too many items */
	expect_refused(36 + 8 + 12, "\4", 1);                      /* a blob that is too long */
}

static bool no_memory;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return no_memory ? NULL : __real_calloc(count, size);
}

/* The log of the reading process names the one or the other. */
static void test_a_refusal_is_no_lack_of_memory(void **state)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire sample = write_sample();
	struct v2m_wire reader = v2m_wire_reader(sample.items, sample.length);
	struct sample got = { 0 };

	(void)state;
	v2m_wire_refuse(&wire);
	assert_int_equal(v2m_wire_end(&wire), -EBADMSG);
	no_memory = true;
	put_sample(&reader, &got);
	no_memory = false;
	assert_int_equal(v2m_wire_end(&reader), -ENOMEM);
	clear_sample(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_read_is_what_was_written),
		cmocka_unit_test(test_every_shorter_or_longer_text_is_refused),
		cmocka_unit_test(test_values_that_are_not_allowed_are_refused),
		cmocka_unit_test(test_a_refusal_is_no_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
