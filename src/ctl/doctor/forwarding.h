/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that this host passes on, which no proxy takes. */
#ifndef V2METER_CTL_DOCTOR_FORWARDING_H
#define V2METER_CTL_DOCTOR_FORWARDING_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_forwarding(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
