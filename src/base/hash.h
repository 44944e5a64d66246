/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_HASH_H
#define V2METER_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define V2M_HASH_KEY_LEN 16

/*
 * The hash of some bytes under a random key of this process: SipHash-2-4 (Aumasson and Bernstein,
 * 2012). An attacker who chooses the bytes cannot make hashes collide, since he does not know the
 * key. The values mean nothing to another process and must not be stored. Any thread.
 */
uint64_t v2m_hash(const void *data, size_t length);

/* The same under a key of the caller, such as one that two processes share. */
uint64_t v2m_hash_keyed(const uint64_t key[static V2M_HASH_KEY_LEN / 8], const void *data,
			size_t length);

/* For tests: replaces the key, so that a test is the same each time. No other thread may hash at
 * that moment. A table that was filled before does not find its elements any more. */
void v2m_hash_set_key(const uint8_t key[static V2M_HASH_KEY_LEN]);

/*
 * FNV-1a, whose values are the same in every process and version, for what is stored or seen
 * outside. It does not resist an attacker who chooses the bytes. To hash several pieces, start with
 * the hash of the piece before.
 */
#define V2M_FNV32_START 2166136261u
#define V2M_FNV64_START 14695981039346656037u
uint32_t v2m_fnv32(uint32_t hash, const void *data, size_t length);
uint64_t v2m_fnv64(uint64_t hash, const void *data, size_t length);

#endif
