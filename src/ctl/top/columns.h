/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The columns of v2meterctl top, for the screen and for --batch. */
#ifndef V2METER_CTL_TOP_COLUMNS_H
#define V2METER_CTL_TOP_COLUMNS_H

#include "ctl/ctl.h"
#include "ctl/top/rows.h"

enum v2m_top_column {
	V2M_TOP_NAME,
	V2M_TOP_PORTS,
	V2M_TOP_DOWN,
	V2M_TOP_UP,
	V2M_TOP_BAR, /* no text: the rate beside the largest one */
	V2M_TOP_TOTAL,
	V2M_TOP_LIFETIME,
	V2M_TOP_CONNECTIONS,
	V2M_TOP_N_COLUMNS,
};

#define V2M_TOP_CELL_LEN 64

struct v2m_top_column_kind {
	const char *title;
	bool right;
	int width;              /* on the screen; 0: the rest of the line */
	int from;               /* the narrowest screen that shows it */
	enum v2m_top_sort sort; /* V2M_TOP_N_SORTS: none */
};

extern const struct v2m_top_column_kind v2m_top_columns[V2M_TOP_N_COLUMNS];

/* Writes what a row has in a column, except the name and the bar. */
void v2m_top_cell(const struct v2m_ctl *ctl, const struct v2m_top_row *row,
		  enum v2m_top_column column, char text[static V2M_TOP_CELL_LEN]);

#endif
