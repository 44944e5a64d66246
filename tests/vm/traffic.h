/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_TESTS_VM_TRAFFIC_H
#define V2METER_TESTS_VM_TRAFFIC_H

#include <stdint.h>

/* Makes the socket's buffers large enough for all that a test sends. */
void traffic_grow_buffers(int fd);

/* Counts the frames of a device to a port (rx) and from it (tx) until SIGTERM, then prints them as
 * JSON. super counts the frames that are several frames on a wire, lost those that this capture
 * missed. Returns the exit status. */
int capture_run(const char *device, uint16_t port);

/* Sends the frames in the file on the device. Each frame stands behind its length, two bytes, high
 * byte first. Returns the exit status. */
int frames_run(const char *device, const char *path);

#endif
