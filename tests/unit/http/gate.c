// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The gate without civetweb: this test polls and accepts as civetweb does. */
#include "http/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/array.h"
#include "base/clock.h"

#define TIMEOUT_MS 200
#define REFUSAL    "HTTP/1.1 400 Bad Request\r\n\r\n"
#define REFUSED    "HTTP/1.1 401 Unauthorized\r\n\r\n"
#define HOLD_MS    100
#define HELD       "GET /hold HTTP/1.1\r\n\r\n"
#define REFUSE     "GET /refuse HTTP/1.1\r\n\r\n"
#define REQUEST    "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define KEEP       "GET /keep HTTP/1.1\r\n\r\n"
#define KEEP_MS    600000
#define MANY       5000 /* more than the gate keeps */
#define HELD_MAX   1024 /* as many as it lets wait for their turn */
#define FEW_FDS    64

static struct {
	struct v2m_listeners listeners;
	struct v2m_gate *gate;
	struct sockaddr_in address; /* of the first listener */
	int place;                  /* the server's own listening socket */
} world;

static int listen_somewhere(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(*address);

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(listen(fd, 1000), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static uint64_t find_turn(void *context, uint32_t address, const char *header, size_t length)
{
	(void)context;
	assert_int_equal(address, htonl(INADDR_LOOPBACK));
	if (memmem(header, length, "/refuse", 7))
		return V2M_GATE_REFUSE;
	if (memmem(header, length, "/keep", 5))
		return v2m_clock_mono_ns() + KEEP_MS * 1000000ull;
	return memmem(header, length, "/hold", 5) ? v2m_clock_mono_ns() + HOLD_MS * 1000000ull : 0;
}

static const struct v2m_gate_rules rules = {
	.timeout_ms = TIMEOUT_MS,
	.late = REFUSAL,
	.turn = find_turn,
	.refused = REFUSED,
};

/* Nobody is late. */
static const struct v2m_gate_rules patient_rules = {
	.timeout_ms = KEEP_MS,
	.late = REFUSAL,
	.turn = find_turn,
	.refused = REFUSED,
};

static int open_gate_with(const struct v2m_gate_rules *chosen)
{
	struct sockaddr_in own;

	memset(&world, 0, sizeof(world));
	if (v2m_array_add(&world.listeners, listen_somewhere(&world.address)))
		return -1;
	world.gate = v2m_gate_prepare();
	world.place = listen_somewhere(&own);
	if (v2m_gate_install(world.gate, &world.listeners, chosen) || v2m_gate_accept(world.gate))
		return -1;
	/* The server is woken once without a connection. */
	return accept(world.place, NULL, NULL) == -1 && errno == EAGAIN ? 0 : -1;
}

static int open_gate(void **state)
{
	(void)state;
	return open_gate_with(&rules);
}

static int open_patient_gate(void **state)
{
	(void)state;
	return open_gate_with(&patient_rules);
}

static int close_gate(void **state)
{
	(void)state;
	v2m_gate_free(world.gate);
	v2m_listeners_close(&world.listeners);
	close(world.place);
	return 0;
}

static void connect_and_send(int fd, const char *text)
{
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&world.address, sizeof(world.address)), 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int connect_client(const char *text)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	connect_and_send(fd, text);
	return fd;
}

/* The next connection as the server sees it; -1: none within that time. */
static int next_connection(int timeout_ms, struct sockaddr_in *from)
{
	struct pollfd ready = { .fd = world.place, .events = POLLIN };
	socklen_t size = sizeof(*from);

	if (poll(&ready, 1, timeout_ms) != 1)
		return -1;
	return accept(world.place, (struct sockaddr *)from, &size);
}

static void expect_request(const char *text, int client)
{
	struct sockaddr_in from = { 0 };
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	char got[256] = "";
	int fd = next_connection(2000, &from);

	assert_true(fd >= 0);
	assert_int_equal(recv(fd, got, sizeof(got) - 1, 0), strlen(text));
	assert_string_equal(got, text);
	assert_int_equal(getsockname(client, (struct sockaddr *)&own, &size), 0);
	assert_int_equal(from.sin_port, own.sin_port);
	assert_int_equal(from.sin_addr.s_addr, own.sin_addr.s_addr);
	close(fd);
	close(client);
}

/* What the client receives until the end of its connection. */
static void expect_received(int client, const char *expected)
{
	struct pollfd ready = { .fd = client, .events = POLLIN };
	char got[256] = "";
	size_t length = 0;
	ssize_t more;

	assert_int_equal(poll(&ready, 1, 5000), 1);
	while ((more = recv(client, got + length, sizeof(got) - 1 - length, 0)) > 0)
		length += (size_t)more;
	assert_int_equal(more, 0);
	assert_string_equal(got, expected);
	close(client);
}

static void only_whole_requests_are_handed_over(void **state)
{
	struct sockaddr_in from;
	int slow = connect_client("GET / HT");

	(void)state;
	expect_request(REQUEST, connect_client(REQUEST));
	assert_int_equal(next_connection(20, &from), -1);
	assert_int_equal(send(slow, "TP/1.1\r\n\r", 9, 0), 9);
	assert_int_equal(next_connection(20, &from), -1);
	assert_int_equal(send(slow, "\n", 1, 0), 1);
	expect_request("GET / HTTP/1.1\r\n\r\n", slow);
	expect_request("GET / HTTP/1.1\n\n", connect_client("GET / HTTP/1.1\n\n"));
}

/* Two ends of lines that are no end of the headers for civetweb: its worker would wait for more. */
static void mixed_ends_of_lines_end_no_headers(void **state)
{
	struct sockaddr_in from;
	int client = connect_client("GET / HTTP/1.1\r\nHost: x\n\r\n");

	(void)state;
	assert_int_equal(next_connection(20, &from), -1);
	expect_received(client, REFUSAL);
}

static void who_is_late_is_refused(void **state)
{
	struct sockaddr_in from;
	int silent = connect_client("");
	int slow = connect_client("GET /");

	(void)state;
	expect_received(slow, REFUSAL);
	expect_received(silent, "");
	assert_int_equal(next_connection(20, &from), -1);
}

static void half_a_request_that_will_not_go_on_is_the_servers(void **state)
{
	int client = connect_client("GET /");

	(void)state;
	shutdown(client, SHUT_WR);
	expect_request("GET /", client);
}

static void a_header_that_is_too_long_is_the_servers(void **state)
{
	char text[9000];
	struct sockaddr_in from;
	int client;
	int fd;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	client = connect_client(text);
	fd = next_connection(2000, &from);
	assert_true(fd >= 0);
	close(fd);
	close(client);
}

/* False: this process may not have as many descriptors. */
static bool allow_fds(rlim_t count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = count;
	if (limit.rlim_max < count)
		limit.rlim_max = count;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void whoever_waits_longest_makes_room(void **state)
{
	static int clients[MANY];

	(void)state;
	if (!allow_fds(3 * MANY))
		skip();
	for (size_t i = 0; i < MANY; i++)
		clients[i] = connect_client("G");
	expect_request(REQUEST, connect_client(REQUEST));
	expect_received(clients[0], REFUSAL);
	for (size_t i = 1; i < MANY; i++)
		close(clients[i]);
}

static void whoever_waits_longest_makes_room_for_descriptors(void **state)
{
	int fillers[FEW_FDS];
	int clients[3];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(allow_fds(FEW_FDS));
	while (count < FEW_FDS && (fillers[count] = dup(world.place)) >= 0)
		count++;
	assert_true(count >= 2);
	close(fillers[--count]);
	close(fillers[--count]);
	for (size_t i = 0; i < 3; i++)
		connect_and_send(clients[i], "G");
	expect_received(clients[0], REFUSAL);
	while (count)
		close(fillers[--count]);
	close(clients[1]);
	close(clients[2]);
}

static void only_so_many_requests_wait_for_their_turns(void **state)
{
	static struct pollfd clients[HELD_MAX + 1];
	struct pollfd *refused = clients;

	(void)state;
	if (!allow_fds(3 * HELD_MAX))
		skip();
	for (size_t i = 0; i <= HELD_MAX; i++)
		clients[i] = (struct pollfd){ .fd = connect_client(KEEP), .events = POLLIN };
	assert_int_equal(poll(clients, HELD_MAX + 1, 5000), 1);
	while (!refused->revents)
		refused++;
	expect_received(refused->fd, REFUSED);
	expect_request(REQUEST, connect_client(REQUEST));
	for (struct pollfd *client = clients; client <= clients + HELD_MAX; client++)
		if (client != refused)
			close(client->fd);
}

static void a_request_waits_for_its_turn_and_holds_up_no_other(void **state)
{
	uint64_t start_ns = v2m_clock_mono_ns();
	int held = connect_client(HELD);
	int other = connect_client(REQUEST);

	(void)state;
	expect_request(REQUEST, other);
	assert_int_equal(next_connection(0, NULL), -1);
	expect_request(HELD, held);
	assert_true(v2m_clock_mono_ns() - start_ns >= HOLD_MS * 1000000ull);
}

static void a_request_without_a_turn_is_refused(void **state)
{
	(void)state;
	expect_received(connect_client(REFUSE), REFUSED);
}

static void other_sockets_are_accepted_as_usual(void **state)
{
	struct sockaddr_in other;
	int listener = listen_somewhere(&other);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	int fd;

	(void)state;
	assert_int_equal(connect(client, (struct sockaddr *)&other, sizeof(other)), 0);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	close(fd);
	close(client);
	close(listener);
}

static void a_shut_gate_wakes_the_server(void **state)
{
	struct sockaddr_in from;
	struct pollfd ready = { .fd = world.place, .events = POLLIN };

	(void)state;
	v2m_gate_shut(world.gate);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(poll(&ready, 1, 0), 1);
		assert_int_equal(next_connection(0, &from), -1);
		assert_int_equal(errno, EAGAIN);
	}
}

static void a_closed_gate_leaves_clients_to_the_next_server(void **state)
{
	struct sockaddr_in from;
	int client;
	int fd;

	(void)state;
	v2m_gate_close(world.gate);
	client = connect_client(REQUEST);
	assert_int_equal(next_connection(50, &from), -1);
	fd = accept4(world.listeners.items[0], NULL, NULL, 0);
	assert_true(fd >= 0);
	close(fd);
	close(client);
}

/* Waits as civetweb does, in turns of 2 s, and takes one connection. */
static void *serve_one(void *argument)
{
	struct pollfd ready = { .fd = world.place, .events = POLLIN };
	int fd;

	(void)argument;
	do {
		ready.revents = 0;
		poll(&ready, 1, 2000);
		fd = ready.revents & POLLIN ? accept(world.place, NULL, NULL) : -1;
	} while (fd < 0);
	close(fd);
	return NULL;
}

static void a_server_that_waits_already_sees_the_first_connection_at_once(void **state)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	struct sockaddr_in own;
	pthread_t server;
	uint64_t start_ns;

	memset(&world, 0, sizeof(world));
	assert_int_equal(v2m_array_add(&world.listeners, listen_somewhere(&world.address)), 0);
	world.gate = v2m_gate_prepare();
	world.place = listen_somewhere(&own);
	assert_int_equal(pthread_create(&server, NULL, serve_one, NULL), 0);
	nanosleep(&pause, NULL);
	start_ns = v2m_clock_mono_ns();
	assert_int_equal(v2m_gate_install(world.gate, &world.listeners, &rules), 0);
	assert_int_equal(v2m_gate_accept(world.gate), 0);
	close(connect_client(REQUEST));
	pthread_join(server, NULL);
	assert_true(v2m_clock_mono_ns() - start_ns < 1000000000);
	close_gate(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_gate, close_gate)
#define PATIENT_TEST(function)                                                                     \
	cmocka_unit_test_setup_teardown(function, open_patient_gate, close_gate)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_whole_requests_are_handed_over),
		TEST(mixed_ends_of_lines_end_no_headers),
		TEST(who_is_late_is_refused),
		TEST(half_a_request_that_will_not_go_on_is_the_servers),
		TEST(a_header_that_is_too_long_is_the_servers),
		PATIENT_TEST(whoever_waits_longest_makes_room),
		PATIENT_TEST(whoever_waits_longest_makes_room_for_descriptors),
		PATIENT_TEST(only_so_many_requests_wait_for_their_turns),
		TEST(a_request_waits_for_its_turn_and_holds_up_no_other),
		TEST(a_request_without_a_turn_is_refused),
		TEST(other_sockets_are_accepted_as_usual),
		TEST(a_shut_gate_wakes_the_server),
		TEST(a_closed_gate_leaves_clients_to_the_next_server),
		cmocka_unit_test(a_server_that_waits_already_sees_the_first_connection_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
