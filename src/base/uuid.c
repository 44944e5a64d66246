// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/uuid.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64

static const uint8_t name_space[16] = { 0x5b, 0xa0, 0xef, 0x19, 0xd2, 0x65, 0x40, 0xe4,
					0x9d, 0x64, 0x3c, 0x1d, 0x1a, 0x4f, 0x2a, 0x57 };

/* SHA-1 as RFC 3174 describes it; UUIDv5 asks for it, and it protects nothing else here. */
struct sha1 {
	uint32_t state[5];
	uint8_t block[BLOCK];
	uint64_t length;
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static void sha1_round(uint32_t s[5], unsigned i, uint32_t word)
{
	uint32_t f;
	uint32_t k;

	if (i < 20) {
		f = (s[1] & s[2]) | (~s[1] & s[3]);
		k = 0x5a827999;
	} else if (i < 40) {
		f = s[1] ^ s[2] ^ s[3];
		k = 0x6ed9eba1;
	} else if (i < 60) {
		f = (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]);
		k = 0x8f1bbcdc;
	} else {
		f = s[1] ^ s[2] ^ s[3];
		k = 0xca62c1d6;
	}
	f += rotate(s[0], 5) + s[4] + k + word;
	s[4] = s[3];
	s[3] = s[2];
	s[2] = rotate(s[1], 30);
	s[1] = s[0];
	s[0] = f;
}

static void sha1_block(struct sha1 *hash)
{
	uint32_t w[80];
	uint32_t s[5];

	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)hash->block[4 * i] << 24 | (uint32_t)hash->block[4 * i + 1] << 16 |
		       (uint32_t)hash->block[4 * i + 2] << 8 | hash->block[4 * i + 3];
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(s, hash->state, sizeof(s));
	for (unsigned i = 0; i < 80; i++)
		sha1_round(s, i, w[i]);
	for (unsigned i = 0; i < 5; i++)
		hash->state[i] += s[i];
}

static void sha1_add(struct sha1 *hash, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++) {
		hash->block[hash->length++ % BLOCK] = bytes[i];
		if (hash->length % BLOCK == 0)
			sha1_block(hash);
	}
}

static void sha1_end(struct sha1 *hash)
{
	uint64_t bits = hash->length * 8;

	sha1_add(hash, "\x80", 1);
	while (hash->length % BLOCK != BLOCK - 8)
		sha1_add(hash, "", 1);
	for (unsigned i = 0; i < 8; i++) {
		uint8_t byte = (uint8_t)(bits >> (56 - 8 * i));

		sha1_add(hash, &byte, 1);
	}
}

static void format_uuid(const uint8_t bytes[16], char *text)
{
	size_t used = 0;

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[used++] = '-';
		used += (size_t)snprintf(text + used, V2M_UUID_LEN - used, "%02x", bytes[i]);
	}
}

void v2m_uuid5(const char *name, char text[static V2M_UUID_LEN])
{
	struct sha1 hash = {
		.state = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 },
	};
	uint8_t bytes[16];

	sha1_add(&hash, name_space, sizeof(name_space));
	sha1_add(&hash, name, strlen(name));
	sha1_end(&hash);
	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)(hash.state[i / 4] >> (24 - 8 * (i % 4)));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x50);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	format_uuid(bytes, text);
}

void v2m_uuid_key_id(const char *uuid, char text[static V2M_UUID_LEN])
{
	char lower[256];
	size_t i;

	for (i = 0; uuid[i] && i + 1 < sizeof(lower); i++)
		lower[i] = (char)tolower((unsigned char)uuid[i]);
	lower[i] = 0;
	v2m_uuid5(lower, text);
}

bool v2m_uuid_canonical(const char *uuid, char text[static V2M_UUID_LEN])
{
	char digits[33];
	size_t n = 0;

	for (; *uuid; uuid++) {
		if (*uuid == '-')
			continue;
		if (n == 32 || !isxdigit((unsigned char)*uuid))
			return false;
		digits[n++] = (char)tolower((unsigned char)*uuid);
	}
	if (n != 32)
		return false;
	digits[n] = 0;
	snprintf(text, V2M_UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
		 digits + 16, digits + 20);
	return true;
}
