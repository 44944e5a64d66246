/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The operator's view in a message. */
#ifndef V2METER_IPC_STATUS_H
#define V2METER_IPC_STATUS_H

#include "api/status.h"
#include "process/wire.h"

/* Writes or reads (process/wire.h). *status may be NULL. What is read is the caller's to free. */
void v2m_put_status(struct v2m_wire *wire, struct v2m_status **status);

#endif
