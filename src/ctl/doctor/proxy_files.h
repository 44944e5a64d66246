/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The settings of a V2Ray or Xray for routing. */
#ifndef V2METER_CTL_DOCTOR_PROXY_FILES_H
#define V2METER_CTL_DOCTOR_PROXY_FILES_H

#include <stdbool.h>

#include "base/error.h"

struct v2m_proxy_files {
	bool readable;
	struct v2m_error error; /* why it is not */
	bool direct;            /* an outbound connects from this host itself */
	bool blocks_loopback;   /* a rule sends 127.0.0.1 to a blackhole */
	bool resolves_names;    /* names are resolved before such a rule is tried */
};

/* Reads a file, or all files of a directory, whose members are joined. */
void v2m_proxy_files_read(const char *path, struct v2m_proxy_files *proxy);

#endif
