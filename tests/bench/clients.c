// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Clients of an HTTP server on 127.0.0.1 that pause after each answer, each a thread with a
 * connection of its own: bench_clients PORT PATH CLIENTS SECONDS PAUSE_MS [HEADER...]
 *
 * A pause is random, between half of PAUSE_MS and one and a half of it, so that the clients do not
 * stay in step. An answer is read with large reads, and its time ends with its last byte. One that
 * is not there at the end counts with the time so far. Prints what wrk.lua prints.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_CLIENTS 64
/* A client ends after so many answers. */
#define MOST_ANSWERS 1000000
#define BUFFER_SIZE  ((size_t)1 << 18)
#define LENGTH       "\r\nContent-Length:"

enum outcome {
	ANSWERED,
	LATE, /* the end of the run came first */
	FAILED,
};

struct client {
	pthread_t thread;
	unsigned seed;
	int fd;
	char *buffer;
	uint32_t *taken_us;
	size_t answers;
	size_t errors;
};

static struct sockaddr_in server;
static char request[4096];
static size_t request_length;
static unsigned pause_us;
static uint64_t end_us;

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* -1: the server takes no connection. */
static int connect_to_server(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&server, sizeof(server))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* As recv(2). At the end of the run it fails with EAGAIN. */
static ssize_t receive(const struct client *client, char *buffer, size_t size)
{
	const uint64_t now = now_us();
	const uint64_t us = end_us > now ? end_us - now : 0;
	const struct timeval wait = { .tv_sec = (time_t)(us / 1000000),
				      .tv_usec = (suseconds_t)(us % 1000000) };

	errno = EAGAIN;
	if (!us || setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return -1;
	return recv(client->fd, buffer, size, 0);
}

static enum outcome outcome_of(ssize_t received)
{
	return received < 0 && errno == EAGAIN ? LATE : FAILED;
}

/* Reads up to the end of the headers. left: how many bytes of the body are to come. */
static enum outcome read_headers(const struct client *client, size_t *left)
{
	size_t in_body;
	size_t got = 0;
	const char *length;
	const char *body;

	do {
		ssize_t n = receive(client, client->buffer + got, BUFFER_SIZE - 1 - got);

		if (n <= 0)
			return outcome_of(n);
		got += (size_t)n;
		client->buffer[got] = '\0';
		body = strstr(client->buffer, "\r\n\r\n");
	} while (!body);
	length = strcasestr(client->buffer, LENGTH);
	if (strncmp(client->buffer, "HTTP/1.1 200 ", 13) != 0 || !length || length > body)
		return FAILED;
	*left = strtoul(length + strlen(LENGTH), NULL, 10);
	in_body = (size_t)(client->buffer + got - (body + 4));
	if (in_body > *left)
		return FAILED;
	*left -= in_body;
	return ANSWERED;
}

static enum outcome ask(const struct client *client)
{
	enum outcome outcome;
	size_t left;

	if (send(client->fd, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length)
		return FAILED;
	outcome = read_headers(client, &left);
	while (outcome == ANSWERED && left) {
		ssize_t n =
			receive(client, client->buffer, left < BUFFER_SIZE ? left : BUFFER_SIZE);

		if (n <= 0)
			return outcome_of(n);
		left -= (size_t)n;
	}
	return outcome;
}

static void *run_client(void *context)
{
	struct client *client = context;

	while (client->answers < MOST_ANSWERS) {
		uint64_t begun_us;

		usleep(pause_us / 2 + (unsigned)rand_r(&client->seed) % (pause_us + 1));
		begun_us = now_us();
		if (begun_us >= end_us)
			break;
		if (ask(client) != FAILED) {
			client->taken_us[client->answers++] = (uint32_t)(now_us() - begun_us);
			continue;
		}
		client->errors++;
		close(client->fd);
		client->fd = connect_to_server();
	}
	return NULL;
}

static void start_client(struct client *client, unsigned number)
{
	client->seed = number;
	client->fd = connect_to_server();
	client->buffer = malloc(BUFFER_SIZE);
	client->taken_us = malloc(MOST_ANSWERS * sizeof(*client->taken_us));
	if (client->fd < 0 || !client->buffer || !client->taken_us ||
	    pthread_create(&client->thread, NULL, run_client, client)) {
		fprintf(stderr, "bench_clients: no client can be made\n");
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static int print_all(const struct client *clients, unsigned count, uint64_t passed_us)
{
	size_t answers = 0;
	size_t errors = 0;
	uint32_t *all = malloc(count * MOST_ANSWERS * sizeof(*all));

	if (!all)
		return 1;
	for (unsigned i = 0; i < count; i++) {
		memcpy(all + answers, clients[i].taken_us, clients[i].answers * sizeof(*all));
		answers += clients[i].answers;
		errors += clients[i].errors;
	}
	if (!answers) {
		fprintf(stderr, "bench_clients: no answer, %zu errors\n", errors);
		return 1;
	}
	qsort(all, answers, sizeof(*all), compare);
	printf("measured %zu %llu %u %u %u %zu\n", answers, (unsigned long long)passed_us,
	       all[answers / 2], all[answers * 99 / 100], all[answers - 1], errors);
	free(all);
	return 0;
}

static void add_to_request(const char *text, const char *end)
{
	request_length += (size_t)snprintf(request + request_length,
					   sizeof(request) - request_length, "%s%s", text, end);
	if (request_length >= sizeof(request)) {
		fprintf(stderr, "bench_clients: the request is longer than %zu bytes\n",
			sizeof(request));
		exit(2);
	}
}

static void make_request(int argc, char **argv)
{
	add_to_request("GET ", argv[2]);
	add_to_request(" HTTP/1.1", "\r\n");
	add_to_request("Host: 127.0.0.1", "\r\n");
	for (int i = 6; i < argc; i++)
		add_to_request(argv[i], "\r\n");
	add_to_request("", "\r\n");
}

int main(int argc, char **argv)
{
	static struct client clients[MOST_CLIENTS];
	unsigned count = argc > 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	uint64_t begun_us = now_us();

	if (!count || count > MOST_CLIENTS) {
		fprintf(stderr, "usage: bench_clients PORT PATH CLIENTS SECONDS PAUSE_MS "
				"[HEADER...]\n");
		return 2;
	}
	server = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	end_us = begun_us + strtoull(argv[4], NULL, 10) * 1000000;
	pause_us = (unsigned)strtoul(argv[5], NULL, 10) * 1000;
	make_request(argc, argv);
	for (unsigned i = 0; i < count; i++)
		start_client(&clients[i], i + 1);
	for (unsigned i = 0; i < count; i++)
		pthread_join(clients[i].thread, NULL);
	return print_all(clients, count, now_us() - begun_us);
}
