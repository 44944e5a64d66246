// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "following/access_line.h"
#include "base/macros.h"

#define AT "2026/11/28 00:00:37"

/* Reads a line out of memory that ends with it, so that a sanitizer sees a read beyond. */
static int parse(const char *text, struct v2m_access_line *line)
{
	static char copy[4096];
	size_t length = strlen(text);
	char *start = copy + sizeof(copy) - length;

	memcpy(start, text, length);
	return v2m_access_line_parse(start, length, line);
}

static void assert_text(const struct v2m_access_text *text, const char *expected)
{
	assert_int_equal(text->length, strlen(expected));
	assert_memory_equal(text->start, expected, text->length);
}

static void assert_address(const struct v2m_access_line *line, const char *expected)
{
	char text[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(AF_INET6, line->address, text, sizeof(text)));
	assert_string_equal(text, expected);
}

static void every_form_that_the_servers_write_is_read(void **state)
{
	static const struct {
		const char *text;
		const char *address;
		uint16_t port;
		enum v2m_access_transport transport;
		const char *tags;
		const char *email;
	} cases[] = {
		/* V2Ray 4.34 */
		{ AT
		  " 192.0.2.2:35390 accepted tcp:203.0.113.7:8080 [direct] email: Alice Smith@a.b",
		  "::ffff:192.0.2.2", 35390, V2M_ACCESS_UNSAID, "direct", "Alice Smith@a.b" },
		{ AT " [2001:db8::2]:52870 accepted tcp:203.0.113.7:8080 [direct]", "2001:db8::2",
		  52870, V2M_ACCESS_UNSAID, "direct", "" },
		{ AT " tcp:[2001:db8::2]:47520 accepted udp:203.0.113.7:5353 [direct]",
		  "2001:db8::2", 47520, V2M_ACCESS_TCP, "direct", "" },
		{ AT " udp:192.0.2.2:56366 accepted udp:203.0.113.7:5353 [direct] email: frank",
		  "::ffff:192.0.2.2", 56366, V2M_ACCESS_UDP, "direct", "frank" },
		{ AT " 192.0.2.2:52850 accepted http://203.0.113.7:8080/cert.pem [direct]",
		  "::ffff:192.0.2.2", 52850, V2M_ACCESS_UNSAID, "direct", "" },
		{ AT " 192.0.2.2:52862 accepted //203.0.113.7:18443 [direct]", "::ffff:192.0.2.2",
		  52862, V2M_ACCESS_UNSAID, "direct", "" },
		/* Xray 25.8 and 26.7 */
		{ AT ".912765 from 192.0.2.2:45782 accepted tcp:[::1]:80 [vless-in >> direct] "
		     "email: 3.bob",
		  "::ffff:192.0.2.2", 45782, V2M_ACCESS_UNSAID, "vless-in >> direct", "3.bob" },
		{ AT ".912765 from tcp:192.0.2.2:60466 accepted udp:203.0.113.7:53 "
		     "[trojan in -> direct] email: carol",
		  "::ffff:192.0.2.2", 60466, V2M_ACCESS_TCP, "trojan in -> direct", "carol" },
		{ AT ".359188 from 192.0.2.2:48296 accepted 203.0.113.7:8080 [in-12443 >> direct] "
		     "email: gina@example.org",
		  "::ffff:192.0.2.2", 48296, V2M_ACCESS_UNSAID, "in-12443 >> direct",
		  "gina@example.org" },
		/* no outbound handler was chosen */
		{ AT " 192.0.2.2:1 accepted tcp:a:1 email: dave", "::ffff:192.0.2.2", 1,
		  V2M_ACCESS_UNSAID, "", "dave" },
		{ AT " 192.0.2.2:65535 accepted tcp:a:1", "::ffff:192.0.2.2", 65535,
		  V2M_ACCESS_UNSAID, "", "" },
		/* tags and emails with brackets and blanks; a carriage return */
		{ AT " 192.0.2.2:1 accepted tcp:a:1 [a [x] b >> d] email: [e] email: f\r",
		  "::ffff:192.0.2.2", 1, V2M_ACCESS_UNSAID, "a [x] b >> d", "[e] email: f" },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(cases); i++) {
		struct v2m_access_line line;

		assert_int_equal(parse(cases[i].text, &line), 0);
		assert_true(line.accepted);
		assert_false(line.masked);
		assert_address(&line, cases[i].address);
		assert_int_equal(line.port, cases[i].port);
		assert_int_equal(line.transport, cases[i].transport);
		assert_text(&line.tags, cases[i].tags);
		assert_text(&line.email, cases[i].email);
	}
}

static void the_time_is_the_wall_clock(void **state)
{
	struct v2m_access_line line;

	(void)state;
	assert_int_equal(
		parse("2026/11/28 00:00:56.912765 from 192.0.2.2:1 accepted tcp:a:1", &line), 0);
	assert_true(line.wall_us == 1795824056912765);
	assert_int_equal(parse("1970/01/01 00:00:00 192.0.2.2:1 accepted tcp:a:1", &line), 0);
	assert_true(line.wall_us == 0);
	assert_int_equal(parse("2024/02/29 23:59:59 192.0.2.2:1 accepted tcp:a:1", &line), 0);
	assert_true(line.wall_us == 1709251199000000);
	assert_int_equal(parse("2024/03/01 00:00:00 192.0.2.2:1 accepted tcp:a:1", &line), 0);
	assert_true(line.wall_us == 1709251200000000);
}

static void a_rejected_connection_has_no_user(void **state)
{
	static const char *const texts[] = {
		AT " 192.0.2.2:35394 rejected  proxy/vless/encoding: invalid request user id",
		AT " tcp:192.0.2.2:35394 rejected  proxy/socks: x [in >> out] email: alice",
		AT ".173 from 192.0.2.2:35394 rejected  common/drain: EOF",
		AT ".173000 from 192.0.2.2:35394 rejected  common/drain: EOF > x [a] email: alice",
	};
	static const int results[] = { 0, 0, -ENOENT, 0 };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(texts); i++) {
		struct v2m_access_line line;

		assert_int_equal(parse(texts[i], &line), results[i]);
		if (results[i])
			continue;
		assert_false(line.accepted);
		assert_int_equal(line.port, 35394);
		assert_text(&line.tags, "");
		assert_text(&line.email, "");
	}
}

static void a_masked_address_is_none(void **state)
{
	static const char *const texts[] = {
		AT ".342228 from 192.0.*.*:43270 accepted tcp:203.0.*.*:8080 [in >> out] email: a",
		AT ".355710 from [2001:db8::/32]:43270 accepted tcp:203.0.*.*:8080 [in >> out] "
		   "email: a",
		AT ".355710 from *.*.*.*:43270 accepted tcp:*.*.*.*:8080 [in >> out] email: a",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(texts); i++) {
		struct v2m_access_line line;

		assert_int_equal(parse(texts[i], &line), 0);
		assert_true(line.masked);
		assert_address(&line, "::");
		assert_int_equal(line.port, 43270);
		assert_text(&line.email, "a");
	}
}

static void other_lines_of_the_log_are_no_connections(void **state)
{
	static const char *const texts[] = {
		"",
		AT,
		AT " ",
		AT " [Warning] core: V2Ray 4.34.0 started",
		AT " localhost got answer: example.org. -> [203.0.113.7] 12ms",
		AT ".912765 from DNS accepted udp:203.0.113.7:53",
		"2026-11-28 00:00:37 192.0.2.2:1 accepted tcp:a:1",
		"2026/13/28 00:00:37 192.0.2.2:1 accepted tcp:a:1",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(texts); i++) {
		struct v2m_access_line line;

		assert_int_not_equal(parse(texts[i], &line), 0);
	}
}

static void damaged_lines_are_refused(void **state)
{
	static const char *const texts[] = {
		AT " 192.0.2.2 accepted tcp:a:1 [d] email: a",
		AT " :1 accepted tcp:a:1 [d] email: a",
		AT " 192.0.2.2: accepted tcp:a:1 [d] email: a",
		AT " 192.0.2.2:65536 accepted tcp:a:1 [d] email: a",
		AT " 192.0.2.2:+1 accepted tcp:a:1 [d] email: a",
		AT " 192.0.2.256:1 accepted tcp:a:1 [d] email: a",
		AT " @:1 accepted tcp:a:1 [d] email: a",
		AT " 192.0.2.2:1 accepted tcp:a:1 [d email: a",
		AT " 192.0.2.2:1 accepted tcp:a:1 [d] email: ",
		AT " 192.0.2.2:1 accepted tcp:a:1 [d] e",
		AT " 192.0.2.2:1 accepted ",
		AT " 1234567890123456789012345678901234567890123456789012345678901234567890:1 "
		   "accepted "
		   "tcp:a:1",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(texts); i++) {
		struct v2m_access_line line;

		assert_int_equal(parse(texts[i], &line), -EINVAL);
	}
}

static void every_cut_and_changed_line_is_read_within_its_bounds(void **state)
{
	static const char text[] =
		AT ".912765 from tcp:[2001:db8::2]:59086 accepted udp:203.0.113.7:53 [in >> out] "
		   "email: Alice Smith@example.org";
	char changed[sizeof(text)];
	struct v2m_access_line line;

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		memcpy(changed, text, sizeof(text));
		changed[length] = 0;
		parse(changed, &line);
	}
	for (size_t at = 0; at < sizeof(text) - 1; at++)
		for (const char *c = " :[]/*.0\xff"; *c; c++) {
			memcpy(changed, text, sizeof(text));
			changed[at] = *c;
			parse(changed, &line);
		}
}

/* Whether the line names the inbound with that tag. */
static bool names(const char *text, const char *tag)
{
	struct v2m_access_line line;
	struct v2m_access_record record;

	assert_int_equal(parse(text, &line), 0);
	record = v2m_access_line_record(&line, 0);
	return v2m_access_record_names(&record, tag);
}

static void the_inbound_is_told_by_its_tag(void **state)
{
	static const char trojan[] = AT " 192.0.2.2:1 accepted tcp:a:1 [trojan in -> direct]";

	(void)state;
	assert_true(names(trojan, "trojan in"));
	assert_false(names(trojan, "trojan"));
	assert_false(names(trojan, "trojan in -> direct"));
	assert_false(names(trojan, "in"));
	assert_true(names(AT " 192.0.2.2:1 accepted tcp:a:1 [a -> b >> direct]", "a -> b"));
	assert_false(names(AT " 192.0.2.2:1 accepted tcp:a:1 [direct]", "direct"));
	assert_false(names(AT " 192.0.2.2:1 accepted tcp:a:1", ""));
}

static void a_record_has_the_time_in_utc_if_the_zone_is_known(void **state)
{
	struct v2m_access_line line;

	(void)state;
	assert_int_equal(parse("1970/01/01 03:00:00 192.0.2.2:1 accepted tcp:a:1", &line), 0);
	assert_true(v2m_access_line_record(&line, 10800000000).real_us == 0);
	assert_true(v2m_access_line_record(&line, V2M_NO_LOG_OFFSET).real_us == V2M_NO_LINE_TIME);
}

static void a_customers_text_behind_a_refused_name_is_known_by_its_length(void **state)
{
	static const char refused[] =
		AT " 192.0.2.2:1 rejected  proxy/trojan: failed to read address and port > "
		   "common/protocol: invalid domain name: ";
	static const char here[] = AT " 192.0.2.2:1 accepted tcp:invalid domain name: ";
	char text[512];

	(void)state;
	/* A name of 255 bytes: 3, a newline, and 251 in the next lines. */
	snprintf(text, sizeof(text), "%sa b", refused);
	assert_int_equal(v2m_access_line_reach(text, strlen(text)), 251);
	assert_int_equal(v2m_access_line_reach(refused, strlen(refused)), 254);
	snprintf(text, sizeof(text), "%s%0255d", refused, 0);
	assert_int_equal(v2m_access_line_reach(text, strlen(text)), 0);
	assert_int_equal(v2m_access_line_reach(text, strlen(text) - 1), 0);
	assert_int_equal(v2m_access_line_reach(text, strlen(text) - 2), 1);
	/* Other lines. */
	assert_int_equal(v2m_access_line_reach(here, strlen(here)), 0);
	assert_int_equal(v2m_access_line_reach("", 0), 0);
	assert_int_equal(v2m_access_line_reach(refused + 1, strlen(refused) - 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_that_the_servers_write_is_read),
		cmocka_unit_test(the_time_is_the_wall_clock),
		cmocka_unit_test(a_rejected_connection_has_no_user),
		cmocka_unit_test(a_masked_address_is_none),
		cmocka_unit_test(other_lines_of_the_log_are_no_connections),
		cmocka_unit_test(damaged_lines_are_refused),
		cmocka_unit_test(every_cut_and_changed_line_is_read_within_its_bounds),
		cmocka_unit_test(the_inbound_is_told_by_its_tag),
		cmocka_unit_test(a_record_has_the_time_in_utc_if_the_zone_is_known),
		cmocka_unit_test(a_customers_text_behind_a_refused_name_is_known_by_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
