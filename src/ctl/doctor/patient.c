// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/patient.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void v2m_patient_clear(struct v2m_patient *patient)
{
	v2m_config_clear(&patient->config);
	json_decref(patient->health);
	json_decref(patient->status);
	json_decref(patient->keys);
	json_decref(patient->traffic);
	free(patient->rules);
	*patient = (struct v2m_patient){ .root = "" };
}

ssize_t v2m_patient_read(const struct v2m_patient *patient, const char *path, char *text,
			 size_t size)
{
	V2M_FCLOSE FILE *file = NULL;
	char whole[PATH_MAX];
	size_t length;

	text[0] = 0;
	snprintf(whole, sizeof(whole), "%s%s", patient->root, path);
	file = fopen(whole, "re");
	if (!file)
		return -errno;
	length = fread(text, 1, size - 1, file);
	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = 0;
	return (ssize_t)length;
}

bool v2m_patient_has(const struct v2m_patient *patient, const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s", patient->root, path);
	return access(whole, F_OK) == 0;
}
