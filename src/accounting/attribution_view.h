/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the bytes of a shared slot are attributed to its keys. */
#ifndef V2METER_ACCOUNTING_ATTRIBUTION_VIEW_H
#define V2METER_ACCOUNTING_ATTRIBUTION_VIEW_H

#include <stdbool.h>
#include <stdint.h>

enum v2m_attribution_method {
	V2M_NOT_ATTRIBUTED,
	V2M_BY_ACCESS_LOG,
	V2M_N_ATTRIBUTION_METHODS,
};

/* Why bytes may be unattributed that belong to a key. */
enum v2m_attribution_gap {
	V2M_GAP_BEGAN,    /* bytes were counted before anybody could attribute them */
	V2M_GAP_NO_LOG,   /* the log was missing, or could not be read */
	V2M_GAP_LOG_CUT,  /* the log was truncated or replaced: lines may be lost */
	V2M_GAP_MASKED,   /* the log masks addresses */
	V2M_GAP_DISPUTED, /* the log named two users for one connection */
	V2M_GAP_FULL,     /* more flows or owners than the kernel's maps hold */
	V2M_N_ATTRIBUTION_GAPS,
};

struct v2m_attribution_view {
	enum v2m_attribution_method method;
	int64_t gap_us; /* when bytes may have been missed last, Unix microseconds; 0: never */
	enum v2m_attribution_gap gap; /* why */
};

/* The word in answers: docs/openapi.yaml. */
const char *v2m_attribution_method_word(enum v2m_attribution_method method);
/* A sentence for operators and answers. */
const char *v2m_attribution_gap_text(enum v2m_attribution_gap gap);

#endif
