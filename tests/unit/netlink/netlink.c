// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netlink/netlink.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define TYPE NLMSG_MIN_TYPE

/* The other end of the socket plays the kernel: it queues its answers before the question. */
struct exchange {
	struct v2m_netlink netlink;
	int kernel;
	uint32_t visited[32];
	size_t n_visited;
	size_t restarts;
	int visit_result;
};

static int visit(const struct nlmsghdr *message, void *context)
{
	struct exchange *exchange = context;

	exchange->visited[exchange->n_visited++] = *(const uint32_t *)NLMSG_DATA(message);
	return exchange->visit_result;
}

static void restart(void *context)
{
	struct exchange *exchange = context;

	exchange->restarts++;
	exchange->n_visited = 0;
}

static int set_up(void **state)
{
	static struct exchange exchange;
	const struct timeval soon = { .tv_usec = 20000 };
	int ends[2];

	memset(&exchange, 0, sizeof(exchange));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)))
		return -1;
	exchange.netlink.fd = ends[0];
	exchange.kernel = ends[1];
	*state = &exchange;
	return 0;
}

static int tear_down(void **state)
{
	struct exchange *exchange = *state;

	v2m_netlink_close(&exchange->netlink);
	v2m_closep(&exchange->kernel);
	return 0;
}

/* Queues one message with a number in it. */
static void answer(struct exchange *exchange, uint32_t sequence, uint16_t type, uint16_t flags,
		   int number)
{
	struct {
		struct nlmsghdr header;
		int number;
	} message = {
		.header = { .nlmsg_len = sizeof(message),
			    .nlmsg_type = type,
			    .nlmsg_flags = flags,
			    .nlmsg_seq = sequence },
		.number = number,
	};

	assert_int_equal(send(exchange->kernel, &message, sizeof(message), 0), sizeof(message));
}

static int ask(struct exchange *exchange)
{
	struct nlmsghdr request = { .nlmsg_len = sizeof(request), .nlmsg_type = TYPE };
	const struct v2m_netlink_visitor visitor = { visit, restart, exchange };

	return v2m_netlink_ask(&exchange->netlink, &request, &visitor);
}

static void a_dump_is_visited_to_its_end(void **state)
{
	struct exchange *exchange = *state;

	answer(exchange, 1, TYPE, NLM_F_MULTI, 10);
	answer(exchange, 1, TYPE, NLM_F_MULTI, 11);
	answer(exchange, 1, NLMSG_DONE, NLM_F_MULTI, 0);
	assert_int_equal(ask(exchange), 0);
	assert_int_equal(exchange->n_visited, 2);
	assert_int_equal(exchange->visited[0], 10);
	assert_int_equal(exchange->visited[1], 11);
	assert_int_equal(exchange->restarts, 0);
}

static void a_single_answer_needs_no_end(void **state)
{
	struct exchange *exchange = *state;

	answer(exchange, 1, TYPE, 0, 12);
	assert_int_equal(ask(exchange), 0);
	assert_int_equal(exchange->n_visited, 1);
}

static void an_interrupted_dump_is_requested_again(void **state)
{
	struct exchange *exchange = *state;

	answer(exchange, 1, TYPE, NLM_F_MULTI | NLM_F_DUMP_INTR, 10);
	answer(exchange, 1, NLMSG_DONE, NLM_F_MULTI, 0);
	answer(exchange, 2, TYPE, NLM_F_MULTI, 20);
	answer(exchange, 2, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 0);
	answer(exchange, 3, TYPE, NLM_F_MULTI, 30);
	answer(exchange, 3, NLMSG_DONE, NLM_F_MULTI, 0);
	assert_int_equal(ask(exchange), 0);
	assert_int_equal(exchange->restarts, 2);
	assert_int_equal(exchange->n_visited, 1);
	assert_int_equal(exchange->visited[0], 30);
}

static void a_dump_that_is_always_interrupted_fails(void **state)
{
	struct exchange *exchange = *state;

	for (uint32_t sequence = 1; sequence <= 5; sequence++)
		answer(exchange, sequence, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 0);
	assert_int_equal(ask(exchange), -EAGAIN);
	assert_int_equal(exchange->restarts, 4);
}

static void the_rest_of_an_older_answer_is_skipped(void **state)
{
	struct exchange *exchange = *state;

	exchange->netlink.sequence = 6;
	answer(exchange, 6, TYPE, NLM_F_MULTI, 60);
	answer(exchange, 6, NLMSG_DONE, NLM_F_MULTI, -ENOENT);
	answer(exchange, 7, TYPE, NLM_F_MULTI, 70);
	answer(exchange, 7, NLMSG_DONE, NLM_F_MULTI, 0);
	assert_int_equal(ask(exchange), 0);
	assert_int_equal(exchange->n_visited, 1);
	assert_int_equal(exchange->visited[0], 70);
}

static void the_kernels_error_is_returned(void **state)
{
	struct exchange *exchange = *state;

	answer(exchange, 1, NLMSG_ERROR, 0, -ENOENT);
	assert_int_equal(ask(exchange), -ENOENT);
	answer(exchange, 2, TYPE, NLM_F_MULTI, 1);
	answer(exchange, 2, NLMSG_DONE, NLM_F_MULTI, -ENOBUFS);
	assert_int_equal(ask(exchange), -ENOBUFS);
}

static void after_a_visitors_error_the_answer_is_read_to_its_end(void **state)
{
	struct exchange *exchange = *state;

	exchange->visit_result = -ENOMEM;
	answer(exchange, 1, TYPE, NLM_F_MULTI, 1);
	answer(exchange, 1, TYPE, NLM_F_MULTI, 2);
	answer(exchange, 1, NLMSG_DONE, NLM_F_MULTI, 0);
	assert_int_equal(ask(exchange), -ENOMEM);
	assert_int_equal(exchange->n_visited, 1);
	assert_int_equal(recv(exchange->netlink.fd, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
}

static void waiting_for_a_missing_answer_times_out(void **state)
{
	struct exchange *exchange = *state;

	assert_int_equal(ask(exchange), -ETIMEDOUT);
}

static void an_answer_larger_than_the_buffer_is_an_error(void **state)
{
	struct exchange *exchange = *state;
	static char large[40000];

	assert_int_equal(send(exchange->kernel, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(ask(exchange), -EMSGSIZE);
}

static void a_socket_cannot_be_opened_for_no_protocol(void **state)
{
	struct v2m_netlink netlink;

	(void)state;
	assert_int_equal(v2m_netlink_open(31, &netlink), -EPROTONOSUPPORT);
	assert_int_equal(netlink.fd, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_dump_is_visited_to_its_end),
		TEST(a_single_answer_needs_no_end),
		TEST(an_interrupted_dump_is_requested_again),
		TEST(a_dump_that_is_always_interrupted_fails),
		TEST(the_rest_of_an_older_answer_is_skipped),
		TEST(the_kernels_error_is_returned),
		TEST(after_a_visitors_error_the_answer_is_read_to_its_end),
		TEST(waiting_for_a_missing_answer_times_out),
		TEST(an_answer_larger_than_the_buffer_is_an_error),
		TEST(a_socket_cannot_be_opened_for_no_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
