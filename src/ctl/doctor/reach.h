/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether strangers can reach the API or read its key. */
#ifndef V2METER_CTL_DOCTOR_REACH_H
#define V2METER_CTL_DOCTOR_REACH_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_listener(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_api_key(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
