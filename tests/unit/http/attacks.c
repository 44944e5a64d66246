// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a stranger may send to the server. V2M_MUTATED_CONNECTIONS in the environment sets how many
 * connections with changed bytes are made; 400,000 take some minutes.
 */
#include "unit/http/http_fixture.h"

#include "base/clock.h"

#define PATH    "/api/keys"
#define HOST    "Host: 127.0.0.1\r\n"
#define KEY     "X-API-Key: " FAKE_API_KEY "\r\n"
#define SECOND  "GET /health HTTP/1.1\r\n" HOST "\r\n"
#define MUTATED 1000
#define ROUNDS  150

static int set_up(void **state)
{
	client_source = 1;
	return start_server(state);
}

/* All that comes until the connection ends, as text. */
static size_t exchange(const char *request, size_t length, char *text, size_t size)
{
	int fd = client_connect(server.port);
	size_t used = 0;
	ssize_t more;

	assert_true(fd >= 0);
	if (send(fd, request, length, MSG_NOSIGNAL) == (ssize_t)length)
		shutdown(fd, SHUT_WR);
	while (used + 1 < size && (more = recv(fd, text + used, size - 1 - used, 0)) > 0)
		used += (size_t)more;
	text[used] = 0;
	close(fd);
	return used;
}

/* The header lines of one request for something that needs a key. */
static const char *const authentications[] = {
	"",
	"X-API-Key:\r\n",
	"X-API-Key: x y\r\n",
	"X-API-Key: wrong\r\n",
	"X-API-Key: " FAKE_API_KEY "x\r\n",
	"X-API-Key: test-ke\r\n",
	"X-API-Key: TEST-KEY\r\n",
	"X-API-Key: \"" FAKE_API_KEY "\"\r\n",
	"X-API-Key: " FAKE_API_KEY "," FAKE_API_KEY "\r\n",
	"X-API-Key: Bearer " FAKE_API_KEY "\r\n",
	"X-API-Key: wrong\r\n" KEY,
	"X-API-Keys: " FAKE_API_KEY "\r\n",
	"X_API_Key: " FAKE_API_KEY "\r\n",
	"Api-Key: " FAKE_API_KEY "\r\n",
	"Authorization: " FAKE_API_KEY "\r\n",
	"Authorization: Bearer\r\n",
	"Authorization: Bearer wrong\r\n",
	"Authorization: Bearer Bearer " FAKE_API_KEY "\r\n",
	"Authorization: Basic dGVzdC1rZXk6dGVzdC1rZXk=\r\n",
	"Authorization: Token " FAKE_API_KEY "\r\n",
	"Proxy-Authorization: Bearer " FAKE_API_KEY "\r\n",
	"Cookie: X-API-Key=" FAKE_API_KEY "; api_key=" FAKE_API_KEY "\r\n",
};

static void variants_of_authentication_open_nothing(void **state)
{
	char first[4096] = "";

	(void)state;
	assert_int_equal(V2M_ARRAY_LEN(authentications), 22);
	for (size_t i = 0; i < V2M_ARRAY_LEN(authentications); i++) {
		char request[1024];
		char text[4096];

		snprintf(request, sizeof(request),
			 "GET " PATH "?api_key=%s HTTP/1.1\r\n" HOST "%s\r\n", FAKE_API_KEY,
			 authentications[i]);
		exchange(request, strlen(request), text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 401 ", 13) != 0)
			fail_msg("%s: %s", authentications[i], text);
		/* Every refusal is the same, except for its date. */
		memset(strstr(text, "Date: "), '-', 37);
		if (i == 0)
			strcpy(first, text);
		assert_string_equal(text, first);
	}
}

static const char *const paths[] = {
	"/../etc/passwd",
	"/../../../../etc/passwd",
	"/ui/../../etc/passwd",
	"/ui/..%2f..%2fetc%2fpasswd",
	"/ui/%2e%2e/%2e%2e/etc/passwd",
	"/ui/%252e%252e%252fetc%252fpasswd",
	"/ui/..;/..;/etc/passwd",
	"/ui/..\\..\\etc\\passwd",
	"/ui/..%5c..%5cetc%5cpasswd",
	"/ui/%c0%ae%c0%ae/etc/passwd",
	"/ui/....//....//etc/passwd",
	"/ui//etc/passwd",
	"/ui/app.js%00.html",
	"/ui/app.js/",
	"/ui/.",
	"/ui/..",
	"/ui/%2e",
	"/ui/index.html/../../api/keys",
	"/ui/../api/keys",
	"/health/../api/keys",
	"/healthz/..%2fapi/keys",
	"/%2e/api/keys",
	"/./api/keys",
	"//api/keys",
	"///api///keys",
	"/api//keys",
	"/api/keys/",
	"/api/keys//",
	"/API/KEYS",
	"/api/keys.json",
	"/api/keys;open=/health",
	"/api/keys%3f/health",
	"/api/keys%23/health",
	"/api%2fkeys",
	"/%61pi/keys",
	"/api/keys%20",
	"/api/./keys",
	"/health%2f..%2fapi%2fkeys",
};

/* Without the key: no figures and no file. With it: no file, and no path that is not in the table.
 */
static void tricks_with_the_path_open_nothing(void **state)
{
	(void)state;
	assert_int_equal(V2M_ARRAY_LEN(paths), 38);
	for (size_t i = 0; i < 2 * V2M_ARRAY_LEN(paths); i++) {
		const char *path = paths[i / 2];
		char request[1024];
		char text[65536];

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "%s\r\n", path,
			 i % 2 ? KEY : "");
		exchange(request, strlen(request), text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 4", 10) != 0 || strstr(text, "root:") ||
		    strstr(text, "created_at"))
			fail_msg("%s: %.200s", path, text);
	}
}

/* Lines of a POST, and what follows its headers. */
static const struct {
	const char *lines;
	const char *body;
} framings[] = {
	{ "Content-Length: 5\r\nContent-Length: 6\r\n", "hello" },
	{ "Content-Length: 5\r\nContent-Length: 5\r\n", "hello" },
	{ "Content-Length: 5\r\ncontent-length: 0\r\n", "hello" },
	{ "Content-Length: +5\r\n", "hello" },
	{ "Content-Length: -1\r\n", "" },
	{ "Content-Length: 5x\r\n", "hello" },
	{ "Content-Length: 0x5\r\n", "hello" },
	{ "Content-Length: 5 5\r\n", "hello" },
	{ "Content-Length: 5, 5\r\n", "hello" },
	{ "Content-Length: 5;\r\n", "hello" },
	{ "Content-Length:\r\n", "" },
	{ "Content-Length: \"5\"\r\n", "hello" },
	{ "Content-Length: 1e1\r\n", "0123456789" },
	{ "Content-Length: 99999999999999999999\r\n", "" },
	{ "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: identity\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding:\r\n", "0\r\n\r\n" },
	{ "Transfer-Encoding : chunked\r\n", "0\r\n\r\n" },
	{ "Content-Length : 5\r\n", "hello" },
	{ " Content-Length: 5\r\n", "hello" },
	{ "X: y\r\n Content-Length: 5\r\n", "hello" },
	{ "X: y\nContent-Length: 5\r\n", "hello" },
	{ "X: y\r\rContent-Length: 5\r\n", "hello" },
	{ ":Content-Length: 5\r\n", "hello" },
	{ "\x80: y\r\nContent-Length: 5\r\n", "hello" },
	{ "Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\n", "fffffffffffffffff5\r\nhello\r\n0\r\n\r\n" },
	{ "Transfer-Encoding: chunked\r\n", "5\r\nhelloX0\r\n\r\n" },
};

static size_t count_answers(const char *text)
{
	size_t count = 0;

	for (; (text = strstr(text, "HTTP/1.1 ")); text++)
		count++;
	return count;
}

/* Whatever is behind such a request is not answered: a proxy might not know that it is there. */
static void no_second_request_is_smuggled(void **state)
{
	(void)state;
	assert_int_equal(V2M_ARRAY_LEN(framings), 38);
	for (size_t i = 0; i < V2M_ARRAY_LEN(framings); i++) {
		char request[2048];
		char text[8192];

		snprintf(request, sizeof(request),
			 "POST " PATH "/key-1/traffic/simple/reset HTTP/1.1\r\n" HOST KEY
			 "%s\r\n%s" SECOND,
			 framings[i].lines, framings[i].body);
		exchange(request, strlen(request), text, sizeof(text));
		if (strncmp(text, "HTTP/1.1 4", 10) != 0 || count_answers(text) != 1)
			fail_msg("%zu: %s: %s", i, framings[i].lines, text);
	}
}

static uint64_t take_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *const whole[] = {
	"GET /api/traffic/simple HTTP/1.1\r\n" HOST KEY "Accept-Encoding: gzip\r\n\r\n",
	"GET /ui HTTP/1.1\r\n" HOST "If-None-Match: \"x\"\r\n\r\n" SECOND,
	"POST /api/keys/key-1/traffic/simple/reset HTTP/1.1\r\n" HOST KEY
	"Content-Length: 2\r\n\r\n{}" SECOND,
	"POST /api/meter/import HTTP/1.1\r\n" HOST KEY
	"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
	"GET /api/keys/%6bey-1/traffic/history?year_month=2025-08 HTTP/1.0\r\nAuthorization: "
	"Bearer "
	"test-key\r\nConnection: keep-alive\r\n\r\n" SECOND,
	"HEAD /metrics HTTP/1.1\r\n" HOST KEY "\r\nOPTIONS * HTTP/1.1\r\n\r\n",
};

/* Changes, removes or repeats some bytes. Returns the new length. */
static size_t mutate(char *text, size_t length, size_t size, uint64_t *random)
{
	for (uint64_t edits = 1 + take_random(random) % 6; edits > 0 && length > 1; edits--) {
		size_t at = take_random(random) % length;
		size_t many = 1 + take_random(random) % 32;

		switch (take_random(random) % 4) {
		case 0:
			text[at] = (char)take_random(random);
			break;
		case 1:
			text[at] = "\r\n: \t%/\0"[take_random(random) % 8];
			break;
		case 2:
			if (many > length - at)
				many = length - at;
			memmove(text + at, text + at + many, length - at - many);
			length -= many;
			break;
		default:
			if (many > length - at)
				many = length - at;
			if (length + many > size)
				break;
			memmove(text + at + many, text + at, length - at);
			length += many;
		}
	}
	return length;
}

static void mutated_connections_harm_nobody(void **state)
{
	const char *wanted = getenv("V2M_MUTATED_CONNECTIONS");
	unsigned long count = wanted ? strtoul(wanted, NULL, 10) : MUTATED;
	uint64_t random = 0x9e3779b97f4a7c15u;

	(void)state;
	for (unsigned long i = 0; i < count; i++) {
		const char *base = whole[take_random(&random) % V2M_ARRAY_LEN(whole)];
		char request[2048];
		char text[4096];
		size_t length = strlen(base);

		memcpy(request, base, length);
		length = mutate(request, length, sizeof(request), &random);
		exchange(request, length, text, sizeof(text));
		if (i % 100 == 0)
			assert_status("GET", PATH, 200, NULL);
	}
	assert_status("GET", PATH, 200, NULL);
}

static uint64_t time_of(const char *key)
{
	char request[256];
	char text[2048];
	uint64_t start_ns;

	snprintf(request, sizeof(request), "GET " PATH " HTTP/1.1\r\n" HOST "X-API-Key: %s\r\n\r\n",
		 key);
	start_ns = v2m_clock_mono_ns();
	exchange(request, strlen(request), text, sizeof(text));
	start_ns = v2m_clock_mono_ns() - start_ns;
	assert_int_equal(strncmp(text, "HTTP/1.1 401 ", 13), 0);
	return start_ns;
}

static int compare_times(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one;
	uint64_t b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/* The medians of two kinds of wrong keys, asked in turns: nothing of the key is right, or all but
 * its last character. Another load of the machine makes them differ now and then. */
static void the_time_of_a_refusal_tells_nothing(void **state)
{
	uint64_t times[2][ROUNDS];
	double ratio = 0;

	(void)state;
	for (int again = 0; again < 5; again++) {
		for (size_t i = 0; i < ROUNDS; i++) {
			times[0][i] = time_of("xxxxxxxx");
			times[1][i] = time_of("test-kex");
		}
		for (size_t i = 0; i < 2; i++)
			qsort(times[i], ROUNDS, sizeof(times[i][0]), compare_times);
		ratio = (double)times[1][ROUNDS / 2] / (double)times[0][ROUNDS / 2];
		if (ratio > 0.9 && ratio < 1.1)
			return;
	}
	fail_msg("the median of an almost right key is %.2f of that of a wrong one", ratio);
}

static void pages_of_others_get_no_permission(void **state)
{
	static const char *const requests[] = {
		"OPTIONS " PATH " HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n"
		"Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: "
		"x-api-key\r\n\r\n",
		"OPTIONS /api/keys/key-1/traffic/simple/reset HTTP/1.1\r\n" HOST
		"Origin: null\r\nAccess-Control-Request-Method: POST\r\n"
		"Access-Control-Request-Private-Network: true\r\n\r\n",
		"GET " PATH " HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n",
		"GET " PATH " HTTP/1.1\r\n" HOST KEY "Origin: https://evil.example\r\n\r\n",
		"GET " PATH "?callback=steal HTTP/1.1\r\n" HOST KEY "\r\n",
		"POST /api/keys/key-1/traffic/simple/reset HTTP/1.1\r\n" HOST
		"Origin: https://evil.example\r\nContent-Type: text/plain\r\nContent-Length: "
		"0\r\n\r\n",
		"POST /api/keys/key-1/traffic/simple/reset HTTP/1.1\r\n" HOST
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\n"
		"api_key=test-key",
		"GET /health HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(requests); i++) {
		char text[65536];

		exchange(requests[i], strlen(requests[i]), text, sizeof(text));
		assert_non_null(strstr(text, "HTTP/1.1 "));
		assert_null(strcasestr(text, "Access-Control"));
		assert_null(strcasestr(text, "Set-Cookie"));
		assert_null(strstr(text, "steal"));
		/* Only with the key is there an answer with figures. */
		if (!strstr(requests[i], KEY))
			assert_null(strstr(text, "created_at"));
		if (strstr(requests[i], "reset"))
			assert_null(strstr(text, "HTTP/1.1 200"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_TEST(variants_of_authentication_open_nothing),
		HTTP_TEST(tricks_with_the_path_open_nothing),
		HTTP_TEST(no_second_request_is_smuggled),
		HTTP_TEST(mutated_connections_harm_nobody),
		HTTP_TEST(the_time_of_a_refusal_tells_nothing),
		HTTP_TEST(pages_of_others_get_no_permission),
	};

	return cmocka_run_group_tests(tests, set_up, stop_server);
}
