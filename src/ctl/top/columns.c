// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/columns.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/size.h"

/* clang-format off */
const struct v2m_top_column_kind v2m_top_columns[V2M_TOP_N_COLUMNS] = {
	[V2M_TOP_NAME]        = { "KEY",      false,  0,   0, V2M_TOP_BY_NAME },
	[V2M_TOP_PORTS]       = { "PORT",     true,  11,  90, V2M_TOP_N_SORTS },
	[V2M_TOP_DOWN]        = { "DOWN",     true,  13,   0, V2M_TOP_BY_DOWN },
	[V2M_TOP_UP]          = { "UP",       true,  13,  40, V2M_TOP_BY_UP },
	[V2M_TOP_BAR]         = { "RATE",     false, 12, 100, V2M_TOP_BY_RATE },
	[V2M_TOP_TOTAL]       = { "TOTAL",    true,  11,  54, V2M_TOP_BY_TOTAL },
	[V2M_TOP_LIFETIME]    = { "LIFETIME", true,  11, 112, V2M_TOP_BY_LIFETIME },
	[V2M_TOP_CONNECTIONS] = { "CONNS",    true,   6,  70, V2M_TOP_BY_CONNECTIONS },
};
/* clang-format on */

void v2m_top_cell(const struct v2m_ctl *ctl, const struct v2m_top_row *row,
		  enum v2m_top_column column, char text[static V2M_TOP_CELL_LEN])
{
	char size[V2M_CTL_SIZE_LEN] = "";

	switch (column) {
	case V2M_TOP_DOWN:
		v2m_ctl_rate(ctl, row->tx_rate, size);
		break;
	case V2M_TOP_UP:
		v2m_ctl_rate(ctl, row->rx_rate, size);
		break;
	case V2M_TOP_TOTAL:
		v2m_ctl_size(ctl, row->rx + row->tx, size);
		break;
	case V2M_TOP_LIFETIME:
		v2m_ctl_size(ctl, row->lifetime, size);
		break;
	case V2M_TOP_CONNECTIONS:
		snprintf(size, sizeof(size), "%" PRIu64, row->connections);
		break;
	case V2M_TOP_PORTS:
		snprintf(text, V2M_TOP_CELL_LEN, "%s", row->ports);
		return;
	default:
		break;
	}
	/* A rate that is not known leaves size empty. */
	snprintf(text, V2M_TOP_CELL_LEN, "%s", *size ? size : "-");
}
