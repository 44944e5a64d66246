/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answer for an error, and the codes and sentences that several answers use. */
#ifndef V2METER_API_ERROR_H
#define V2METER_API_ERROR_H

#include "api/body.h"

#define V2M_CODE_SHARED_PORT    "shared_port"
#define V2M_DETAIL_SHARED_PORT  "Other keys share this key's port; its bytes cannot be attributed."
#define V2M_DETAIL_SHARED_PEERS "Other keys share this key's port; its UDP peers are not known."
#define V2M_CODE_UDP            "udp_not_counted"
#define V2M_DETAIL_UDP          "Without the kernel programs UDP is not counted, and this key has no TCP."
#define V2M_DETAIL_UDP_PEERS    "Without the kernel programs UDP peers are not observed."
#define V2M_CODE_UNREADABLE     "unreadable"
#define V2M_DETAIL_UNAUTHORIZED "Invalid API key. Use X-API-Key header with the correct key."
#define V2M_DETAIL_UNREADABLE   "The traffic counters cannot be read."

/* Renders {"detail": ..., "code": ...} with that HTTP status. 0 or -ENOMEM. */
int v2m_api_error(int status, const char *code, const char *detail, struct v2m_body *body);

#endif
