// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "faults/fake_time.h"

#include <errno.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/clock.h"
#include "faults/inject.h"

#define SECOND_NS  UINT64_C(1000000000)
#define HELD_US    UINT64_C(3600000000)
#define TIMERS_MAX 4

/* The clocks are ahead of the real ones by this. */
static uint64_t passed_ns;

uint64_t v2m_clock_mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec + passed_ns;
}

int64_t v2m_clock_real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + (int64_t)(passed_ns / 1000);
}

uint64_t v2m_clock_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Timers of the event loop run out when tick() says so. */
static sd_event_source *timers[TIMERS_MAX];
static size_t n_timers;

static uint64_t real_us(void)
{
	return (v2m_clock_mono_ns() - passed_ns) / 1000;
}

int __real_sd_event_source_set_time(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec);
int __wrap_sd_event_source_set_time(sd_event_source *source, uint64_t usec)
{
	(void)usec;
	if (fault_strikes(FAULT_CALL, "sd_event_source_set_time"))
		return -ENOMEM;
	return __real_sd_event_source_set_time(source, real_us() + HELD_US);
}

int __real_sd_event_add_time(sd_event *event, sd_event_source **source, clockid_t clock,
			     uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback,
			     void *context);
int __wrap_sd_event_add_time(sd_event *event, sd_event_source **source, clockid_t clock,
			     uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback,
			     void *context);
int __wrap_sd_event_add_time(sd_event *event, sd_event_source **source, clockid_t clock,
			     uint64_t usec, uint64_t accuracy, sd_event_time_handler_t callback,
			     void *context)
{
	int result;

	(void)usec;
	(void)accuracy;
	if (fault_strikes(FAULT_CALL, "sd_event_add_time"))
		return -ENOMEM;
	result = __real_sd_event_add_time(event, source, clock, real_us() + HELD_US, 1, callback,
					  context);
	if (result >= 0 && n_timers < TIMERS_MAX)
		timers[n_timers++] = *source;
	return result;
}

void fake_time_pass(uint64_t ns)
{
	passed_ns += ns;
}

void fake_time_fire(void)
{
	for (size_t i = 0; i < n_timers; i++)
		__real_sd_event_source_set_time(timers[i], real_us());
}
