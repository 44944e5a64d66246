/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A secret that is only ever compared. A process that holds the digest can tell whether a text is
 * the secret, and cannot tell the secret. The digest has 128 bits under random keys, so that two
 * digests of a secret differ and none can be looked up.
 */
#ifndef V2METER_BASE_DIGEST_H
#define V2METER_BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct v2m_digest {
	uint64_t keys[2][V2M_HASH_KEY_LEN / 8];
	uint64_t sums[2];
};

/* 0, or -errno if the kernel gives no random numbers. */
int v2m_digest_make(const char *secret, struct v2m_digest *digest);
/* Takes as long for a wrong text as for the right one of the same length. */
bool v2m_digest_matches(const struct v2m_digest *digest, const char *text);

#endif
