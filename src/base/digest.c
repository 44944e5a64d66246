// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/digest.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t sum_of(const struct v2m_digest *digest, size_t i, const char *text)
{
	return v2m_hash_keyed(digest->keys[i], text, strlen(text));
}

int v2m_digest_make(const char *secret, struct v2m_digest *digest)
{
	if (getrandom(digest->keys, sizeof(digest->keys), 0) != (ssize_t)sizeof(digest->keys))
		return -errno;
	for (size_t i = 0; i < 2; i++)
		digest->sums[i] = sum_of(digest, i, secret);
	return 0;
}

bool v2m_digest_matches(const struct v2m_digest *digest, const char *text)
{
	uint64_t difference = 0;

	for (size_t i = 0; i < 2; i++)
		difference |= digest->sums[i] ^ sum_of(digest, i, text);
	return difference == 0;
}
