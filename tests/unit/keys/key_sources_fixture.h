/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes key sources in the temporary directory and loads them by their names. */
#ifndef V2METER_TESTS_KEY_SOURCES_FIXTURE_H
#define V2METER_TESTS_KEY_SOURCES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key_sources.h"
#include "reading/gather.h"
#include "base/string_list.h"
#include "base/cleanup.h"
#include "unit/temporary.h"

#define U1     "e9828d67-08e2-4942-815d-61f41b3dacf7"
#define U2     "11461131-0644-438d-9429-cb5e7f60fd80"
#define NOW_US INT64_C(1754307939255792)

#define V2RAY_CLIENT(uuid, port)                                                                   \
	"{\"inbounds\": [{\"tag\": \"t\", \"port\": " port ", \"listen\": \"127.0.0.1\", "         \
	"\"settings\": {\"clients\": [{\"id\": \"" uuid "\", \"email\": \"mail\"}]}}]}"

static struct v2m_source_options options = { .now_us = NOW_US };
static struct v2m_source_report report;
static struct v2m_error error;
static struct v2m_gather_options gather_options;

/* The sources are names in the temporary directory, ended by NULL. */
static inline int load_into(struct v2m_keyset **keyset, const char *const *names)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings sources = { 0 };
	V2M_CLEANUP(v2m_gathered_clear) struct v2m_gathered gathered = { 0 };

	for (; *names; names++)
		assert_int_equal(v2m_strings_add(&sources, strcmp(*names, "auto") == 0
								   ? *names
								   : temporary_path(*names)),
				 0);
	error.text[0] = 0;
	assert_int_equal(v2m_gather_sources(&sources, &gather_options, &gathered), 0);
	return v2m_key_sources_join(&gathered, &options, keyset, &report, &error);
}

#define LOAD(...)       load((const char *const[]){ __VA_ARGS__, NULL })
#define FAIL(code, ...) fail_to_load(code, (const char *const[]){ __VA_ARGS__, NULL })

static inline struct v2m_keyset *load(const char *const *names)
{
	struct v2m_keyset *keyset = NULL;

	if (load_into(&keyset, names))
		fail_msg("%s", error.text);
	return keyset;
}

static inline void fail_to_load(int code, const char *const *names)
{
	struct v2m_keyset *keyset = NULL;

	assert_int_equal(load_into(&keyset, names), code);
	assert_null(keyset);
	assert_null(strstr(error.text, U1));
}

static inline int clean(void **state)
{
	(void)state;
	v2m_source_report_clear(&report);
	options = (struct v2m_source_options){ .now_us = NOW_US };
	gather_options = (struct v2m_gather_options){ 0 };
	return 0;
}

#define SOURCES_TEST(name) cmocka_unit_test_teardown(name, clean)

#endif
