// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/body.h"

int v2m_api_finish(struct v2m_json_writer *json, int status, struct v2m_body *body)
{
	struct v2m_body made = { .status = status };
	int result = v2m_write_take(json, &made.data, &made.length);

	if (result == 0)
		*body = made;
	return result;
}
