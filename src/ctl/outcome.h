/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a command ends. */
#ifndef V2METER_CTL_OUTCOME_H
#define V2METER_CTL_OUTCOME_H

/* The values are the exit statuses of v2meterctl. */
enum v2m_outcome {
	V2M_DONE = 0,
	V2M_REFUSED = 1,   /* the server said no */
	V2M_USAGE = 2,     /* wrong usage; a request never ends with this */
	V2M_UNREACHED = 3, /* no server with this API was reached */
	V2M_UNKNOWN = 4,   /* a reset or an import was sent; whether it happened is not known */
	V2M_WARNED = 5,    /* doctor: no check failed, and some warn */
};

#endif
