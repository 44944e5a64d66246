// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/sample.h"

#include <stdlib.h>
#include <string.h>

void v2m_sample_clear(struct v2m_sample *sample)
{
	free(sample->ports);
	free(sample->owners);
	free(sample->devices);
	memset(sample, 0, sizeof(*sample));
}
