/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files of web/, which the build puts into the program (cmake/web.cmake). */
#ifndef V2METER_HTTP_WEB_FILES_H
#define V2METER_HTTP_WEB_FILES_H

#include <stddef.h>

#include "api/body.h"

struct v2m_web_file {
	const char *name; /* "index.html" is the page */
	const char *type; /* its Content-Type */
	const char *hash; /* of its bytes, in hexadecimal */
	struct v2m_body plain;
	struct v2m_body gzip;
};

extern const struct v2m_web_file v2m_web_files[];
extern const size_t v2m_n_web_files;

#endif
