/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The valid API keys, for the answering process: names, scopes and hashes. */
#ifndef V2METER_IPC_API_KEYS_H
#define V2METER_IPC_API_KEYS_H

#include "apikeys/api_keys.h"
#include "process/wire.h"

/* Writes or reads (process/wire.h). */
void v2m_put_api_keys(struct v2m_wire *wire, struct v2m_api_keys *keys);

#endif
