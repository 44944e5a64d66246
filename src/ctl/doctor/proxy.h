/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration of the proxy. */
#ifndef V2METER_CTL_DOCTOR_PROXY_H
#define V2METER_CTL_DOCTOR_PROXY_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_shared_ports(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_proxy_routing(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
