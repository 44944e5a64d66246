// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/stack.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Enough for the red zone below the stack pointer (128 bytes on x86-64) and for the frame of
 * madvise().
 */
#define MARGIN_BYTES 1024

/* More than civetweb asks for, and more than the least of any architecture. */
#define STACK_BYTES ((size_t)256 << 10)

static __thread uintptr_t lowest;

void v2m_stack_limit(void)
{
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes))
		return;
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0)
		pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

void v2m_stack_note(void)
{
	pthread_attr_t attributes;
	void *address;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attributes))
		return;
	if (pthread_attr_getstack(&attributes, &address, &size) == 0)
		lowest = (uintptr_t)address;
	pthread_attr_destroy(&attributes);
}

void v2m_stack_release(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - MARGIN_BYTES) & ~(page - 1);

	if (lowest && end > lowest)
		madvise((void *)lowest, end - lowest, MADV_DONTNEED);
}
