/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The checks of the doctor: one row for each. */
#ifndef V2METER_CTL_DOCTOR_CHECKS_H
#define V2METER_CTL_DOCTOR_CHECKS_H

#include "ctl/doctor/findings.h"
#include "ctl/doctor/patient.h"

struct v2m_check {
	const char *name;
	/* Adds at least one finding, or none if another check says why nothing can be known. */
	void (*run)(const struct v2m_patient *patient, struct v2m_findings *findings);
};

/* In the order in which they are printed. The manual lists them in the same order. */
extern const struct v2m_check v2m_checks[];
extern const size_t v2m_n_checks;

#endif
