/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The answering process: the HTTP server, in a process that may do nothing but talk to its clients
 * and to the counting process. It renders, compresses and keeps the answers. If somebody takes it
 * over, they hold the figures that the API shows anyway, and nothing else of this machine.
 */
#ifndef V2METER_ANSWERING_ANSWERING_H
#define V2METER_ANSWERING_ANSWERING_H

/* The only argument of the answering process. */
#define V2M_ANSWERING_ARGUMENT "--answering-process"

/* Serves until the counting process closes the channel. Does not return. */
void v2m_answering_run(void) __attribute__((noreturn));

#endif
