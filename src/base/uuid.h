/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UUIDs (RFC 9562). The uuid of a key is its credential and must not be logged. Its id, a UUIDv5
 * made from it, names it in logs: nobody can compute the uuid back. */
#ifndef V2METER_BASE_UUID_H
#define V2METER_BASE_UUID_H

#include <stdbool.h>

#define V2M_UUID_LEN 37 /* with the 0 */

/* The UUIDv5 of a name in our namespace, 5ba0ef19-d265-40e4-9d64-3c1d1a4f2a57. The same name gives
 * the same id on every server and in every version. */
void v2m_uuid5(const char *name, char text[static V2M_UUID_LEN]);

/* The id of the key with that uuid: the UUIDv5 of the uuid in lower case. */
void v2m_uuid_key_id(const char *uuid, char text[static V2M_UUID_LEN]);

/* Writes a UUID in its usual form, with hyphens and in lower case. The input has 32 hexadecimal
 * digits and may have hyphens. False if it is no UUID; text is unchanged then. */
bool v2m_uuid_canonical(const char *uuid, char text[static V2M_UUID_LEN]);

/* The UUID that V2Ray and Xray make of the id of a client that is none: the UUIDv5 of its 1 to 30
 * bytes in the namespace of zeros (common/uuid/uuid.go in Xray). False: the id is a UUID, or longer
 * or empty; mapped is unchanged then. */
bool v2m_uuid_of_v2ray_id(const char *id, char mapped[static V2M_UUID_LEN]);

#endif
