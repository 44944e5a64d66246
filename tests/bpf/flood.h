/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A process that sends datagrams while a test changes what counts them. One at a time. */
#ifndef V2METER_TESTS_BPF_FLOOD_H
#define V2METER_TESTS_BPF_FLOOD_H

#include "namespace.h"

/* Sends datagrams of size bytes from there to the port of 10.9.0.1 until flood_end(). */
void flood_begin(const struct net *net, uint16_t port, size_t size);
/* Returns when so many more have been sent. */
void flood_wait(uint64_t datagrams);
/* How many were sent in all; every one has been handed to the device. */
uint64_t flood_end(void);

#endif
