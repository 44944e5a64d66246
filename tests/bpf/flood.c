// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "flood.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BURST 100

/* Between the test and the process that sends. */
static struct shared {
	bool stop;          /* atomic */
	uint64_t datagrams; /* atomic */
} * shared;
static pid_t sender;

void flood_begin(const struct net *net, uint16_t port, size_t size)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	sender = fork();
	assert_true(sender >= 0);
	if (sender)
		return;
	/* A failed assertion leaves the caller. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		net_send(net, port, BURST, size);
		__atomic_add_fetch(&shared->datagrams, BURST, __ATOMIC_RELAXED);
	}
	_exit(0);
}

void flood_wait(uint64_t datagrams)
{
	uint64_t wanted = __atomic_load_n(&shared->datagrams, __ATOMIC_RELAXED) + datagrams;

	while (__atomic_load_n(&shared->datagrams, __ATOMIC_RELAXED) < wanted &&
	       waitpid(sender, NULL, WNOHANG) == 0)
		usleep(1000);
	assert_true(__atomic_load_n(&shared->datagrams, __ATOMIC_RELAXED) >= wanted);
}

uint64_t flood_end(void)
{
	uint64_t datagrams;
	int status = -1;

	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	assert_int_equal(waitpid(sender, &status, 0), sender);
	assert_int_equal(status, 0);
	datagrams = shared->datagrams;
	munmap(shared, sizeof(*shared));
	return datagrams;
}
