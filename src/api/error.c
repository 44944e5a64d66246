// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/error.h"

#include "api/body.h"

int v2m_api_error(int status, const char *code, const char *detail, struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };

	v2m_write_open(&json, '{');
	v2m_put_string(&json, "detail", detail);
	v2m_put_string(&json, "code", code);
	v2m_write_close(&json, '}');
	return v2m_api_finish(&json, status, body);
}
