// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/key_ring.h"

/* By default, a thread that replaces the keys waits as long as others look at them without a pause.
 * In a flood of requests, a revoked key would stay valid. */
void v2m_key_ring_init(struct v2m_key_ring *ring, const struct v2m_api_keys *keys)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ring->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	ring->keys = *keys;
}

void v2m_key_ring_destroy(struct v2m_key_ring *ring)
{
	pthread_rwlock_destroy(&ring->lock);
}

void v2m_key_ring_replace(struct v2m_key_ring *ring, const struct v2m_api_keys *keys)
{
	pthread_rwlock_wrlock(&ring->lock);
	ring->keys = *keys;
	pthread_rwlock_unlock(&ring->lock);
}

bool v2m_key_ring_find(struct v2m_key_ring *ring, const char *text, struct v2m_api_key *key)
{
	const struct v2m_api_key *found;

	pthread_rwlock_rdlock(&ring->lock);
	found = v2m_api_keys_find(&ring->keys, text);
	if (found)
		*key = *found;
	pthread_rwlock_unlock(&ring->lock);
	return found;
}
