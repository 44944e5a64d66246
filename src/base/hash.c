// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/hash.h"

#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

static uint64_t secret[V2M_HASH_KEY_LEN / 8];
static pthread_once_t secret_is_made = PTHREAD_ONCE_INIT;

/* If a sandbox forbids getrandom(2): 16 random bytes that the kernel gives each process at its
 * start (getauxval(3)). */
static void make_secret(void)
{
	if (getrandom(secret, sizeof(secret), 0) == (ssize_t)sizeof(secret))
		return;
	memcpy(secret, (const void *)getauxval(AT_RANDOM), sizeof(secret));
}

void v2m_hash_set_key(const uint8_t key[static V2M_HASH_KEY_LEN])
{
	pthread_once(&secret_is_made, make_secret);
	for (size_t i = 0; i < V2M_HASH_KEY_LEN / 8; i++) {
		secret[i] = 0;
		for (size_t j = 8; j > 0; j--)
			secret[i] = secret[i] << 8 | key[8 * i + j - 1];
	}
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void mix_words(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[3];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[2] = rotate_left(v[2], 32);
}

/* Up to eight bytes as one little-endian word, so that tests hold the published values on every
 * machine. */
static uint64_t word_of(const uint8_t *bytes, size_t length)
{
	uint64_t word = 0;

	for (size_t i = length; i > 0; i--)
		word = word << 8 | bytes[i - 1];
	return word;
}

static void take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix_words(v);
	mix_words(v);
	v[0] ^= word;
}

uint64_t v2m_hash_keyed(const uint64_t key[static V2M_HASH_KEY_LEN / 8], const void *data,
			size_t length)
{
	const uint8_t *bytes = data;
	const uint8_t *end = bytes + length / 8 * 8;
	uint64_t v[4];

	v[0] = key[0] ^ 0x736f6d6570736575u;
	v[1] = key[1] ^ 0x646f72616e646f6du;
	v[2] = key[0] ^ 0x6c7967656e657261u;
	v[3] = key[1] ^ 0x7465646279746573u;
	for (; bytes < end; bytes += 8)
		take_word(v, word_of(bytes, 8));
	take_word(v, (uint64_t)length << 56 | word_of(bytes, length % 8));
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		mix_words(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t v2m_hash(const void *data, size_t length)
{
	pthread_once(&secret_is_made, make_secret);
	return v2m_hash_keyed(secret, data, length);
}

uint32_t v2m_fnv32(uint32_t hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

uint64_t v2m_fnv64(uint64_t hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash;
}
