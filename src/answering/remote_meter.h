/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The meter of another process: struct v2m_meter by messages. Any number of threads ask; one thread
 * receives the answers and hands each to the thread that waits for it.
 */
#ifndef V2METER_ANSWERING_REMOTE_METER_H
#define V2METER_ANSWERING_REMOTE_METER_H

#include "api/meter.h"
#include "apikeys/key_ring.h"
#include "ipc/pulse.h"

struct v2m_remote_meter;

/* api_keys: follows those that the counting process tells. unprotected: what the status says is
 * missing of this process's protection; NULL: nothing. The pulse, the keys, the text and the
 * channel must outlive the meter. NULL: no memory for it. */
struct v2m_remote_meter *v2m_remote_meter_new(int channel, enum v2m_api_bytes unit,
					      const struct v2m_pulse *pulse,
					      struct v2m_key_ring *api_keys,
					      const char *unprotected);
/* Lives as long as the process. */
const struct v2m_meter *v2m_remote_meter(struct v2m_remote_meter *remote);

/* Receives until the other side is gone: 0. -EBADMSG, or another -errno, if what it sent makes no
 * sense or there is no memory for it. Then all calls that wait, and all later ones, are answered
 * V2M_UNREADABLE. */
int v2m_remote_meter_run(struct v2m_remote_meter *remote);

#endif
