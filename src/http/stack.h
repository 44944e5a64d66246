/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Saves memory in the stacks of hundreds of workers, because most of them are idle. */
#ifndef V2METER_HTTP_STACK_H
#define V2METER_HTTP_STACK_H

/* Gives threads that ask for no size, or for less than the C library accepts, a small stack from
 * now on. civetweb asks for 100 KiB. On arm64 the least is 128 KiB, so its threads would get 8 MiB
 * each, and all of them together exceed the memory that the answering process may have. */
void v2m_stack_limit(void);
/* Remembers the lowest address of the calling thread's stack. */
void v2m_stack_note(void);
/* Gives the unused pages below the caller's frame back to the kernel. They are zeros when they are
 * used again. Does nothing in a thread that has not called v2m_stack_note(). */
void v2m_stack_release(void);

#endif
