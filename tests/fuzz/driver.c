// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs a fuzz entry without libFuzzer: first the seeds themselves, then mutations of them, for some
 * seconds. The mutations depend only on the seed number. The current input stands in a mapped file,
 * so it is still there after a crash.
 *
 *     fuzz_NAME SECONDS SEED-NUMBER INPUT-FILE DIRECTORY|FILE...
 */
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/macros.h"
#include "fuzz.h"

#define MAX_INPUT (64u << 10)
#define MAX_SEEDS 64

struct input {
	size_t size;
	uint8_t data[MAX_INPUT];
};

static struct input *seeds[MAX_SEEDS];
static size_t n_seeds;
static uint64_t random_state;

/* xorshift64 (G. Marsaglia, 2003). */
static size_t random_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return limit ? random_state % limit : 0;
}

static int add_seed(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	V2M_FREE char *text = NULL;
	size_t length;

	(void)status;
	(void)walk;
	if (type != FTW_F || n_seeds == MAX_SEEDS || v2m_read_file(path, MAX_INPUT, &text, &length))
		return 0;
	seeds[n_seeds] = calloc(1, sizeof(**seeds));
	if (!seeds[n_seeds])
		return -1;
	seeds[n_seeds]->size = length;
	memcpy(seeds[n_seeds++]->data, text, length);
	return 0;
}

/* Replaces a part of the input with other bytes, if there is room. */
static void replace_bytes(struct input *input, size_t at, size_t length, const void *bytes,
			  size_t n)
{
	uint8_t copy[MAX_INPUT];

	if (at + length > input->size || input->size - length + n > MAX_INPUT)
		return;
	memcpy(copy, bytes, n);
	memmove(input->data + at + n, input->data + at + length, input->size - at - length);
	memcpy(input->data + at, copy, n);
	input->size += n - length;
}

static void insert_token(struct input *input)
{
	static const char *const tokens[] = {
		"{",
		"}",
		"[",
		"]",
		"\"",
		":",
		",",
		"//",
		"/*",
		"*/",
		"#",
		"\n",
		"\\",
		"\\u0000",
		"\\u00e9",
		"\xc3\xa9",
		"\xff",
		"null",
		"true",
		"0",
		"65535",
		"65536",
		"-1",
		"1e400",
		"1-65535",
		"env:HOME",
		"443,8443",
		"\"port\":",
		"\"id\":",
		"\"uuid\":",
		"\"clients\":",
		"\"inbounds\":",
		"\"tag\":",
		"\"listen\":\"/x\"",
		"\"users\":",
		"\"Clients\":",
		"\"peers\":",
		"\"method\":\"kcp\"",
		"\"fallbacks\":[{\"dest\":\"@x\"}]",
		"\"listen\":\"@x\"",
		"\"protocol\":\"tunnel\"",
		"1e999",
		"&a ",
		"*a",
		"<<: ",
		"\n  - ",
		"99999999999999999999",
	};
	const char *token = tokens[random_below(V2M_ARRAY_LEN(tokens))];

	replace_bytes(input, random_below(input->size + 1), random_below(4), token, strlen(token));
}

static void mutate(struct input *input)
{
	const struct input *other = seeds[random_below(n_seeds)];
	size_t at = random_below(input->size);
	size_t length = random_below(input->size - at < 64 ? input->size - at : 64);
	size_t from = random_below(other->size);

	switch (random_below(6)) {
	case 0:
		if (input->size)
			input->data[at] ^= (uint8_t)(1u << random_below(8));
		break;
	case 1:
		replace_bytes(input, at, length, "", 0);
		break;
	case 2:
		replace_bytes(input, at, 0, input->data + at, length);
		break;
	case 3:
		replace_bytes(input, at, length, other->data + from,
			      random_below(other->size - from));
		break;
	default:
		insert_token(input);
	}
}

static struct input *map_input(const char *path)
{
	V2M_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *mapped;

	if (fd < 0 || ftruncate(fd, sizeof(struct input)))
		return NULL;
	mapped = mmap(NULL, sizeof(struct input), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return mapped == MAP_FAILED ? NULL : mapped;
}

/* Runs on a copy of the exact size, so that AddressSanitizer finds a read beyond it. */
static void run_input(const struct input *input)
{
	uint8_t *exact = malloc(input->size ? input->size : 1);

	if (!exact)
		return;
	memcpy(exact, input->data, input->size);
	LLVMFuzzerTestOneInput(exact, input->size);
	free(exact);
}

static unsigned long run_for(struct input *input, uint64_t seconds)
{
	uint64_t end_ns = v2m_clock_mono_ns() + seconds * UINT64_C(1000000000);
	unsigned long runs = 0;

	for (; runs < n_seeds; runs++) {
		*input = *seeds[runs];
		run_input(input);
	}
	for (; v2m_clock_mono_ns() < end_ns; runs++) {
		const struct input *seed = seeds[random_below(n_seeds)];

		input->size = seed->size;
		memcpy(input->data, seed->data, seed->size);
		for (size_t i = random_below(8) + 1; i > 0; i--)
			mutate(input);
		run_input(input);
	}
	return runs;
}

int main(int argc, char **argv)
{
	struct input *input = argc > 4 ? map_input(argv[3]) : NULL;

	for (int i = 4; i < argc; i++)
		nftw(argv[i], add_seed, 8, FTW_PHYS);
	if (!input || !n_seeds) {
		fprintf(stderr, "usage: %s SECONDS SEED-NUMBER INPUT-FILE SEEDS...\n", argv[0]);
		return 2;
	}
	random_state = strtoull(argv[2], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	printf("%lu inputs from %zu seeds\n", run_for(input, strtoull(argv[1], NULL, 10)), n_seeds);
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i]);
	munmap(input, sizeof(*input));
	return 0;
}
