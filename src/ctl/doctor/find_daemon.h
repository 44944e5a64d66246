/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds running daemons in /proc. */
#ifndef V2METER_CTL_DOCTOR_FIND_DAEMON_H
#define V2METER_CTL_DOCTOR_FIND_DAEMON_H

#include "ctl/doctor/patient.h"

/* Fills patient->process with the daemon that runs with that configuration, or with the first one
 * if config is NULL. Processes that a daemon has started are not daemons. */
void v2m_find_daemon(struct v2m_patient *patient, const char *config);

#endif
