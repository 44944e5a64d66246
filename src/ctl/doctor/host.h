/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine below the daemon. */
#ifndef V2METER_CTL_DOCTOR_HOST_H
#define V2METER_CTL_DOCTOR_HOST_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_ledger(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_clock(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_time_zone(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_self_test(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
