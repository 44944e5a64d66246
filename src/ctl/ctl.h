/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The context of every command of v2meterctl: the server, and how to print. */
#ifndef V2METER_CTL_CTL_H
#define V2METER_CTL_CTL_H

#include <stdbool.h>

#include "ctl/client.h"
#include "ctl/outcome.h"

struct v2m_ctl {
	struct v2m_client *client;
	const char *state_dir; /* apikey: of the daemon; NULL: its default */
	char *const *more;     /* arguments behind the first, and a NULL */
	bool json;             /* print the server's answer instead of a table */
	bool verbose;          /* print every attempt on stderr */
	bool bytes;            /* print exact numbers of bytes instead of "1.50 GB" */
	bool colour;
	bool batch;          /* top: print tables instead of a screen */
	bool ascii;          /* top: no characters beyond ASCII */
	unsigned long count; /* top: with batch, the number of tables; 0: no end */
};

#endif
