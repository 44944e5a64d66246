/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stacks of hundreds of workers, most of which are idle. */
#ifndef V2METER_HTTP_STACK_H
#define V2METER_HTTP_STACK_H

/* Remembers where the calling thread's stack ends. */
void v2m_stack_note(void);
/* Gives the pages below the caller's frame back to the kernel; they read as zeros when they are
 * next used. Does nothing in a thread that has not noted its stack. */
void v2m_stack_release(void);

#endif
