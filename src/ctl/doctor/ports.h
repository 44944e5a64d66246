/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports of the keys, and who else has to do with them. */
#ifndef V2METER_CTL_DOCTOR_PORTS_H
#define V2METER_CTL_DOCTOR_PORTS_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_ephemeral_ports(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_nat(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
