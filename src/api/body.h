/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rendered answer. */
#ifndef V2METER_API_BODY_H
#define V2METER_API_BODY_H

#include <stddef.h>

#include "json/json_writer.h"

struct v2m_body {
	int status; /* HTTP status */
	char *data;
	size_t length;
};

/* Makes the body of what was written. 0 or -ENOMEM. */
int v2m_api_finish(struct v2m_json_writer *json, int status, struct v2m_body *body);

#endif
