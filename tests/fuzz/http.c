// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends the input to the real HTTP server as what a client sends on one connection: request lines,
 * headers and bodies. The server answers or ends the connection; each answer is one that a client
 * can read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "fake/fake_meter.h"
#include "fuzz.h"
#include "http/http.h"

/* The most that is read of the answers, and the time for each part of them. */
#define ANSWER_MAX (4u << 20)
#define PATIENCE_S 10

static unsigned port;
static struct v2m_http *http;
static struct fake_meter *fake;

static void stop(void)
{
	v2m_http_stop(http);
	fake_meter_free(fake);
}

static void start(void)
{
	const struct fake_options options = {
		.n_keys = 3, .n_connections = 5, .special = true, .window_ms = 3600000
	};
	char address[] = "127.0.0.1:0";
	char *items[] = { address };
	const struct v2m_strings listen = { .items = items, .count = 1 };
	V2M_CLEANUP(v2m_listeners_close) struct v2m_listeners listeners = { 0 };
	struct v2m_http_options start = { .listeners = &listeners };
	static struct v2m_key_ring ring;
	static const struct v2m_strings hosts;
	struct v2m_api_keys api_keys = { .count = 0 };
	struct v2m_error error;

	v2m_log_set_level(V2M_LOG_ERROR);
	fake = fake_meter_new(&options);
	FUZZ_CHECK(fake);
	v2m_api_keys_set_single(&api_keys, FAKE_API_KEY);
	v2m_key_ring_init(&ring, &api_keys);
	start.api_keys = &ring;
	start.hosts = &hosts;
	start.meter = fake_meter(fake);
	FUZZ_CHECK(v2m_listen_open(&listen, &listeners, &error) == 0);
	FUZZ_CHECK(v2m_http_start(&start, &http, &error) == 0);
	FUZZ_CHECK(v2m_http_accept(http, &error) == 0);
	port = v2m_http_port(http);
	atexit(stop);
}

static int connect_client(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	/* Each comes from another address: many wrong keys of one are answered slowly. */
	static uint32_t source;
	struct sockaddr_in from = { .sin_family = AF_INET };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	/* The end of a connection leaves no port behind that waits. */
	const struct linger at_once = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	FUZZ_CHECK(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + source++ % 1000000);
	FUZZ_CHECK(bind(fd, (const struct sockaddr *)&from, sizeof(from)) == 0);
	FUZZ_CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* Everything that the server sends until it ends the connection. */
static char *read_answers(int fd, size_t *length)
{
	char *answers = malloc(ANSWER_MAX + 1);
	ssize_t received;

	FUZZ_CHECK(answers);
	*length = 0;
	while ((received = recv(fd, answers + *length, ANSWER_MAX - *length, 0)) > 0)
		*length += (size_t)received;
	/* EAGAIN: the server has forgotten its client. */
	FUZZ_CHECK(received == 0 || errno == ECONNRESET);
	answers[*length] = 0;
	return answers;
}

/* The first answer begins as HTTP does, has whole headers, and its body is no longer than they say.
 */
static void check_answer(const char *answers, size_t length)
{
	const char *end = memmem(answers, length, "\r\n\r\n", 4);
	const char *body;
	int status = 0;

	if (!length)
		return;
	FUZZ_CHECK(sscanf(answers, "HTTP/1.1 %3d ", &status) == 1);
	FUZZ_CHECK((status >= 200 && status < 600) || status == 100);
	FUZZ_CHECK(end);
	body = memmem(answers, (size_t)(end - answers) + 2, "\r\nContent-Length: ", 18);
	FUZZ_CHECK(body || status == 100 || status == 204 || status == 304);
	FUZZ_CHECK(!memmem(answers, length, FAKE_API_KEY, strlen(FAKE_API_KEY)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLOSE int fd = -1;
	V2M_FREE char *answers = NULL;
	size_t length;

	if (!http)
		start();
	fd = connect_client();
	if (size && send(fd, data, size, MSG_NOSIGNAL) < 0)
		return 0;
	shutdown(fd, SHUT_WR);
	answers = read_answers(fd, &length);
	check_answer(answers, length);
	return 0;
}
