// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * civetweb alone, to compare with: it answers each request with the bytes of a file, headers
 * included, from memory and by one call of mg_write(). bench_civetweb ADDRESS FILE
 */
#include <civetweb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *answer;
static size_t length;

static int answer_request(struct mg_connection *connection)
{
	mg_write(connection, answer, length);
	return 200;
}

static int read_answer(const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) <= 0 ||
	    !(answer = malloc((size_t)size)))
		return -1;
	rewind(file);
	length = fread(answer, 1, (size_t)size, file);
	fclose(file);
	return length == (size_t)size ? 0 : -1;
}

int main(int argc, char **argv)
{
	const struct mg_callbacks callbacks = { .begin_request = answer_request };
	const char *options[] = {
		"listening_ports",
		argc == 3 ? argv[1] : "",
		"num_threads",
		"50",
		"enable_keep_alive",
		"yes",
		"tcp_nodelay",
		"1",
		"decode_url",
		"no",
		NULL,
	};

	if (argc != 3 || read_answer(argv[2])) {
		fprintf(stderr, "usage: bench_civetweb ADDRESS FILE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	mg_init_library(MG_FEATURES_DEFAULT);
	if (!mg_start(&callbacks, NULL, options))
		return 1;
	pause();
	return 0;
}
