/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PATHS_ADDRESS_DEVICE_H
#define V2METER_PATHS_ADDRESS_DEVICE_H

#include <stdbool.h>

#include "base/connection.h"

/* Finds the device that has the local address of a connection, in the network namespace of the
 * calling thread. Its packets may still pass another device. False: none has it, or it cannot be
 * read. */
bool v2m_address_device(const struct v2m_connection *connection, char name[V2M_DEVICE_NAME_LEN]);

#endif
