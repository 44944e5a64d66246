/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A page of memory in which the counting process says that it goes round, and how it is. The
 * answering process reads it for GET /health, which so has an answer even if the counting process
 * hangs.
 */
#ifndef V2METER_IPC_PULSE_H
#define V2METER_IPC_PULSE_H

#include <stdint.h>

#include "api/meter.h"

struct v2m_pulse;

/* patience_ms: without a beat for longer, the counting process counts as stalled. *fd: for the
 * other process, which cannot write to it; the caller closes it. NULL: out of memory. */
struct v2m_pulse *v2m_pulse_new(unsigned patience_ms, int *fd);
/* The counting process goes round. */
void v2m_pulse_beat(struct v2m_pulse *pulse);
void v2m_pulse_set_health(struct v2m_pulse *pulse, const struct v2m_health *health);

/* The page of the other process. NULL: fd is no such page. */
struct v2m_pulse *v2m_pulse_map(int fd);
/* If there was no beat for too long, the reason is "stalled" and nothing can be served. Any thread.
 */
void v2m_pulse_health(const struct v2m_pulse *pulse, struct v2m_health *health);
/* Does nothing on NULL. */
void v2m_pulse_unmap(struct v2m_pulse *pulse);

#endif
