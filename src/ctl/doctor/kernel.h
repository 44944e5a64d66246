/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel, and what it lets the daemon do. */
#ifndef V2METER_CTL_DOCTOR_KERNEL_H
#define V2METER_CTL_DOCTOR_KERNEL_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_kernel(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_btf(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_bpffs(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_process(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_capabilities(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
