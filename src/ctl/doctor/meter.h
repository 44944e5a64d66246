/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's own account: its status, devices and key sources. */
#ifndef V2METER_CTL_DOCTOR_METER_H
#define V2METER_CTL_DOCTOR_METER_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

void v2m_check_configuration(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_server(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_health(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_accounting(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_devices(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_foreign_filters(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_queues(const struct v2m_patient *patient, struct v2m_findings *findings);
void v2m_check_key_sources(const struct v2m_patient *patient, struct v2m_findings *findings);

#endif
