/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The operator's view in a message, and errors. Each function writes or reads (process/wire.h). */
#ifndef V2METER_IPC_STATUS_H
#define V2METER_IPC_STATUS_H

#include "api/status.h"
#include "process/wire.h"

/* All but what the answering process says of itself. *status may be NULL. A status that is read is
 * the caller's to free. */
void v2m_put_status(struct v2m_wire *wire, struct v2m_status **status);
void v2m_put_error(struct v2m_wire *wire, struct v2m_error *error);
/* Notes that are read are the caller's to clear. */
void v2m_put_notes(struct v2m_wire *wire, struct v2m_key_notes *notes);
/* Logs that are read are the caller's to clear. */
void v2m_put_access_logs(struct v2m_wire *wire, struct v2m_access_logs *logs);

#endif
