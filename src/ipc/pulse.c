// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/pulse.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Tries to read the health while it is not being written. The writer may have lost its processor,
 * so the reader leaves it one between two tries. */
#define TRIES    1000
#define PAUSE_NS 100000

struct v2m_pulse {
	uint64_t patience_ns;
	uint64_t beat_ns;  /* atomic; CLOCK_MONOTONIC */
	unsigned sequence; /* atomic; odd while health is written */
	struct v2m_health health;
};

static struct v2m_pulse *map_page(int fd, int protection)
{
	void *page = mmap(NULL, sizeof(struct v2m_pulse), protection, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

struct v2m_pulse *v2m_pulse_new(unsigned patience_ms, int *fd)
{
	V2M_CLOSE int made = memfd_create("v2meter-pulse", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct v2m_pulse *pulse;

	if (made < 0 || ftruncate(made, sizeof(*pulse)))
		return NULL;
	pulse = map_page(made, PROT_READ | PROT_WRITE);
	if (!pulse)
		return NULL;
	pulse->patience_ns = patience_ms * UINT64_C(1000000);
	pulse->health.can_serve = true;
	v2m_pulse_beat(pulse);
	/* Only our own mapping can be written to. The last seal came with Linux 5.1. */
	if (fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)) {
		v2m_pulse_unmap(pulse);
		return NULL;
	}
	*fd = V2M_TAKE_FD(made);
	return pulse;
}

void v2m_pulse_beat(struct v2m_pulse *pulse)
{
	__atomic_store_n(&pulse->beat_ns, v2m_clock_mono_ns(), __ATOMIC_RELAXED);
}

void v2m_pulse_set_health(struct v2m_pulse *pulse, const struct v2m_health *health)
{
	__atomic_add_fetch(&pulse->sequence, 1, __ATOMIC_SEQ_CST);
	/* No part of the health may be seen before the odd number. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	pulse->health = *health;
	__atomic_add_fetch(&pulse->sequence, 1, __ATOMIC_SEQ_CST);
}

struct v2m_pulse *v2m_pulse_map(int fd)
{
	struct stat status;

	if (fstat(fd, &status) || status.st_size != sizeof(struct v2m_pulse))
		return NULL;
	return map_page(fd, PROT_READ);
}

/* False: the health was being written all the time, by a process that hangs. */
static bool read_health(const struct v2m_pulse *pulse, struct v2m_health *health)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	for (unsigned i = 0; i < TRIES; i++) {
		unsigned before = __atomic_load_n(&pulse->sequence, __ATOMIC_SEQ_CST);

		*health = pulse->health;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!(before & 1) && __atomic_load_n(&pulse->sequence, __ATOMIC_SEQ_CST) == before)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

void v2m_pulse_health(const struct v2m_pulse *pulse, struct v2m_health *health)
{
	uint64_t beat_ns = __atomic_load_n(&pulse->beat_ns, __ATOMIC_RELAXED);
	uint64_t now_ns = v2m_clock_mono_ns();

	if (now_ns < beat_ns + pulse->patience_ns && read_health(pulse, health))
		return;
	*health = (struct v2m_health){ .can_serve = false };
	strcpy(health->reason, V2M_REASON_STALLED);
}

void v2m_pulse_unmap(struct v2m_pulse *pulse)
{
	if (pulse)
		munmap(pulse, sizeof(*pulse));
}
