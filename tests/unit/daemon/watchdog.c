// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/macros.h"
#include "unit/temporary.h"

#define PERIOD_US 20000

static struct {
	sd_event *event;
	int systemd; /* the socket on which systemd listens */
	bool on_time;
} world;

/* In place of the collector's. */
bool v2m_collector_is_on_time(const struct v2m_collector *collector)
{
	(void)collector;
	return world.on_time;
}

static int set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (make_temporary(state))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", temporary_path("notify"));
	world.systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(world.systemd, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", V2M_STRINGIFY(PERIOD_US), 1);
	unsetenv("WATCHDOG_PID");
	return sd_event_new(&world.event) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	sd_event_unref(world.event);
	close(world.systemd);
	return remove_temporary(state);
}

/* How many messages systemd got since the last call: each must say that all is well. */
static unsigned read_all(void)
{
	unsigned count = 0;
	char text[64];
	ssize_t length;

	while ((length = recv(world.systemd, text, sizeof(text) - 1, 0)) > 0) {
		text[length] = 0;
		assert_string_equal(text, "WATCHDOG=1");
		count++;
	}
	return count;
}

/* Lets the loop go round for some periods. Returns how often systemd heard that all is well. */
static unsigned heard_in(unsigned periods)
{
	uint64_t end_ns = v2m_clock_mono_ns() + periods * PERIOD_US * UINT64_C(1000);
	unsigned count = 0;

	while (v2m_clock_mono_ns() < end_ns) {
		assert_return_code(sd_event_run(world.event, PERIOD_US), 0);
		count += read_all();
	}
	return count;
}

static void test_systemd_hears_it_in_each_period_while_samples_are_on_time(void **state)
{
	(void)state;
	world.on_time = true;
	assert_int_equal(v2m_watchdog_start(world.event, NULL), 0);
	assert_in_range(heard_in(25), 5, 51);
}

static void test_a_loop_that_goes_round_without_samples_is_not_enough(void **state)
{
	(void)state;
	world.on_time = false;
	assert_int_equal(v2m_watchdog_start(world.event, NULL), 0);
	assert_int_equal(heard_in(25), 0);
	world.on_time = true;
	assert_true(heard_in(25) > 0);
}

static void test_without_a_watchdog_nothing_is_told(void **state)
{
	(void)state;
	world.on_time = true;
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(v2m_watchdog_start(world.event, NULL), 0);
	assert_int_equal(heard_in(5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_systemd_hears_it_in_each_period_while_samples_are_on_time, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_loop_that_goes_round_without_samples_is_not_enough, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_without_a_watchdog_nothing_is_told, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
