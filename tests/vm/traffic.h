/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_TESTS_VM_TRAFFIC_H
#define V2METER_TESTS_VM_TRAFFIC_H

#include <stdint.h>

/* Gives a socket buffers that hold whatever a test sends. */
void traffic_grow_buffers(int fd);

/* Counts the frames of a device to and from a port until SIGTERM, then prints them as JSON: rx is
 * to the port, tx from it; super, the frames that are not as they are on the wire; lost, those that
 * this capture missed. Returns the exit status. */
int capture_run(const char *device, uint16_t port);

#endif
