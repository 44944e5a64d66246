/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the screen of v2meterctl top shows. */
#ifndef V2METER_CTL_TOP_SCREEN_H
#define V2METER_CTL_TOP_SCREEN_H

#include "ctl/ctl.h"
#include "ctl/top/rows.h"

struct v2m_top_view {
	const struct v2m_ctl *ctl;
	bool ascii;
	bool colour;
	enum v2m_top_sort sort;
	bool reversed;
	char filter[64];
	bool typing;            /* the keyboard writes into the filter */
	char *selected;         /* a row's subject; NULL: the first row */
	size_t first;           /* of the rows that fit, the one on the first line */
	json_t *detail;         /* the answer about the selected key; NULL: the list is shown */
	char detail_error[256]; /* why there is no such answer; "" if there is one */
	bool in_detail;
	size_t detail_first; /* the connection on the first line */
};

#endif
