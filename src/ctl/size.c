// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/size.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *v2m_ctl_size(const struct v2m_ctl *ctl, uint64_t bytes,
			 char text[static V2M_CTL_SIZE_LEN])
{
	if (ctl->bytes)
		snprintf(text, V2M_CTL_SIZE_LEN, "%" PRIu64, bytes);
	else
		v2m_format_bytes(bytes, text);
	return text;
}

const char *v2m_ctl_rate(const struct v2m_ctl *ctl, double rate, char text[static V2M_CTL_SIZE_LEN])
{
	/* A much larger double does not fit into a uint64_t. No network is that fast. */
	if (!(rate >= 0 && rate < 1e18))
		return "-";
	v2m_ctl_size(ctl, (uint64_t)llround(rate), text);
	memcpy(text + strlen(text), "/s", sizeof("/s"));
	return text;
}
