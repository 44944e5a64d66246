/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_CTL_DOCTOR_GATHER_H
#define V2METER_CTL_DOCTOR_GATHER_H

#include "ctl/ctl.h"
#include "ctl/doctor/patient.h"

/* Fills the patient: asks the server, reads /proc, runs the tools that list NAT rules and the
 * daemon's self-test. config: the daemon's configuration; NULL: that of the running daemon. The
 * caller clears the patient. */
void v2m_gather(const struct v2m_ctl *ctl, const char *config, struct v2m_patient *patient);

#endif
