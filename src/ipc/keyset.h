/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A key set in a message. */
#ifndef V2METER_IPC_KEYSET_H
#define V2METER_IPC_KEYSET_H

#include "keys/keys.h"
#include "process/wire.h"

/* Writes or reads a list of strings (process/wire.h). wire->failed: out of memory, or malformed. */
void v2m_put_strings(struct v2m_wire *wire, struct v2m_strings *strings);

/* Writes or reads a key, except the origin of its id and its emails. Any string may be NULL;
 * wire->failed: out of memory, or malformed. */
void v2m_put_key(struct v2m_wire *wire, struct v2m_key *key);
/* The least that a key takes in a message. */
#define V2M_KEY_WIRE_SIZE (7 * 4 + 4 * 8)

/* Writes everything but the origins of the ids and the emails. wire->failed: out of memory. */
void v2m_write_keyset(struct v2m_wire *wire, const struct v2m_keyset *keyset);
/* Reads a key set and lays its slots out. NULL: malformed, or out of memory. */
struct v2m_keyset *v2m_read_keyset(struct v2m_wire *wire);

#endif
