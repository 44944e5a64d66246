// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/sha256.h"

#include <string.h>

#define BLOCK 64

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value >> bits | value << (32 - bits);
}

static void spread_block(const uint8_t *block, uint32_t w[static 64])
{
	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
		       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 64; i++) {
		uint32_t low = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t high = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + low + w[i - 7] + high;
	}
}

/* One round. The standard moves all eight words on by one place after it; here, the places of the
 * next round are others. constant: with the word of the block added. */
static inline void do_round(uint32_t s[static 8], unsigned round, uint32_t constant)
{
	uint32_t *a = &s[(0 - round) % 8], *d = &s[(3 - round) % 8], *h = &s[(7 - round) % 8];
	uint32_t b = s[(1 - round) % 8], c = s[(2 - round) % 8];
	uint32_t e = s[(4 - round) % 8], f = s[(5 - round) % 8], g = s[(6 - round) % 8];
	uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
	uint32_t sum0 = rotate(*a, 2) ^ rotate(*a, 13) ^ rotate(*a, 22);

	*h += sum1 + ((e & f) ^ (~e & g)) + constant;
	*d += *h;
	*h += sum0 + ((*a & b) ^ (*a & c) ^ (b & c));
}

static void take_block(uint32_t state[static 8], const uint8_t *block)
{
	uint32_t w[64];
	uint32_t s[8];

	spread_block(block, w);
	memcpy(s, state, sizeof(s));
	/* Each request with an API key does this: with the places known at compile time, the words
	 * stay in registers. */
	for (unsigned i = 0; i < 64; i += 8) {
		do_round(s, 0, constants[i] + w[i]);
		do_round(s, 1, constants[i + 1] + w[i + 1]);
		do_round(s, 2, constants[i + 2] + w[i + 2]);
		do_round(s, 3, constants[i + 3] + w[i + 3]);
		do_round(s, 4, constants[i + 4] + w[i + 4]);
		do_round(s, 5, constants[i + 5] + w[i + 5]);
		do_round(s, 6, constants[i + 6] + w[i + 6]);
		do_round(s, 7, constants[i + 7] + w[i + 7]);
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += s[i];
	explicit_bzero(w, sizeof(w));
}

/* The last one or two blocks: the rest of the data, a one bit, zeros and the length in bits. */
static size_t pad_rest(const uint8_t *rest, size_t rest_length, size_t length,
		       uint8_t blocks[static 2 * BLOCK])
{
	size_t size = rest_length < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)length * 8;

	memset(blocks, 0, size);
	if (rest_length)
		memcpy(blocks, rest, rest_length);
	blocks[rest_length] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		blocks[size - 1 - i] = (uint8_t)(bits >> (8 * i));
	return size;
}

void v2m_sha256(const void *data, size_t length, uint8_t hash[static V2M_SHA256_LEN])
{
	const uint8_t *bytes = data;
	size_t whole = length / BLOCK * BLOCK;
	uint8_t blocks[2 * BLOCK];
	size_t size = pad_rest(bytes + whole, length - whole, length, blocks);
	/* The first 32 bits of the fractional parts of the square roots of the first 8 primes. */
	uint32_t state[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	for (size_t i = 0; i < whole; i += BLOCK)
		take_block(state, bytes + i);
	for (size_t i = 0; i < size; i += BLOCK)
		take_block(state, blocks + i);
	for (unsigned i = 0; i < V2M_SHA256_LEN; i++)
		hash[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
	explicit_bzero(blocks, sizeof(blocks));
}
