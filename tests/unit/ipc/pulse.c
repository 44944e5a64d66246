// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/pulse.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

#define PATIENCE_MS 100
/* For a test that waits for nothing, on a machine however busy. */
#define NO_LIMIT_MS 600000

static void pause_ms(long ms)
{
	const struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

static void expect(const struct v2m_pulse *pulse, bool can_serve, const char *reason)
{
	struct v2m_health health;

	v2m_pulse_health(pulse, &health);
	assert_string_equal(health.reason, reason);
	assert_int_equal(health.can_serve, can_serve);
}

static void health_is_seen_by_the_other_side(void **state)
{
	int fd = -1;
	struct v2m_pulse *ours = v2m_pulse_new(NO_LIMIT_MS, &fd);
	struct v2m_pulse *theirs = v2m_pulse_map(fd);

	(void)state;
	expect(theirs, true, "");
	v2m_pulse_set_health(ours,
			     &(struct v2m_health){ .can_serve = true, .reason = "no_device" });
	expect(theirs, true, "no_device");
	v2m_pulse_set_health(ours, &(struct v2m_health){ .can_serve = true });
	expect(theirs, true, "");
	v2m_pulse_unmap(ours);
	v2m_pulse_unmap(theirs);
	close(fd);
}

#define WRITINGS 3000000

static bool has_written;

/* Writes two healths in turns, as fast as it can. */
static void *keep_writing(void *pulse)
{
	struct v2m_health healths[2] = { { .can_serve = true }, { .can_serve = true } };

	for (size_t i = 0; i < 2; i++)
		memset(healths[i].reason, i ? 'b' : 'a', sizeof(healths[i].reason) - 1);
	for (size_t i = 0; i < WRITINGS; i++) {
		v2m_pulse_set_health(pulse, &healths[i % 2]);
		v2m_pulse_beat(pulse);
	}
	__atomic_store_n(&has_written, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static void a_health_that_is_being_written_is_never_seen(void **state)
{
	int fd = -1;
	struct v2m_pulse *ours = v2m_pulse_new(NO_LIMIT_MS, &fd);
	struct v2m_pulse *theirs = v2m_pulse_map(fd);
	struct v2m_health health = { 0 };
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, keep_writing, ours), 0);
	while (!__atomic_load_n(&has_written, __ATOMIC_SEQ_CST)) {
		char same[sizeof(health.reason)] = "";

		v2m_pulse_health(theirs, &health);
		memset(same, health.reason[0], strlen(health.reason));
		assert_string_equal(health.reason, same);
	}
	pthread_join(writer, NULL);
	v2m_pulse_unmap(ours);
	v2m_pulse_unmap(theirs);
	close(fd);
}

/* On a busy machine, the look may come too late. Then there is another beat. */
static void expect_no_stall(struct v2m_pulse *ours, const struct v2m_pulse *theirs)
{
	struct v2m_health health;
	uint64_t began_ns;

	do {
		began_ns = v2m_clock_mono_ns();
		v2m_pulse_beat(ours);
		v2m_pulse_health(theirs, &health);
	} while (v2m_clock_mono_ns() - began_ns >= PATIENCE_MS * 1000000);
	assert_true(health.can_serve);
	assert_string_equal(health.reason, "");
}

static void without_a_beat_it_is_stalled(void **state)
{
	int fd = -1;
	struct v2m_pulse *ours = v2m_pulse_new(PATIENCE_MS, &fd);
	struct v2m_pulse *theirs = v2m_pulse_map(fd);

	(void)state;
	for (int i = 0; i < 4; i++) {
		pause_ms(PATIENCE_MS / 2);
		expect_no_stall(ours, theirs);
	}
	pause_ms(PATIENCE_MS + 20);
	expect(theirs, false, "stalled");
	expect_no_stall(ours, theirs);
	v2m_pulse_unmap(ours);
	v2m_pulse_unmap(theirs);
	close(fd);
}

static void the_other_side_cannot_write(void **state)
{
	int fd = -1;
	int other;
	struct v2m_pulse *ours = v2m_pulse_new(PATIENCE_MS, &fd);

	(void)state;
	assert_int_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	other = open("/dev/null", O_RDONLY);
	assert_null(v2m_pulse_map(other));
	close(other);
	v2m_pulse_unmap(ours);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(health_is_seen_by_the_other_side),
		cmocka_unit_test(a_health_that_is_being_written_is_never_seen),
		cmocka_unit_test(without_a_beat_it_is_stalled),
		cmocka_unit_test(the_other_side_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
