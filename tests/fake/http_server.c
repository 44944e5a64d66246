// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The real HTTP server on a meter in memory, for tests and measurements from outside. It prints
 * "listening PORT" when it is ready, and ends on SIGTERM, on SIGINT or when its stdin closes.
 *
 * A line on stdin sets the state of the meter: "readable", "unreadable", "unstored", "degraded" or
 * "unhealthy". The answer is "done".
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fake/fake_meter.h"
#include "base/cleanup.h"
#include "http/http.h"

struct arguments {
	struct fake_options fake;
	char *listen;
	const char *api_key;
};

static bool parse_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *number <= max;
}

static bool parse_option(int option, struct arguments *arguments)
{
	unsigned long number = 0;

	if (strchr("nmwd", option) && !parse_number(optarg, 1000000, &number))
		return false;
	switch (option) {
	case 'l':
		arguments->listen = optarg;
		return true;
	case 'k':
		arguments->api_key = arguments->fake.api_key = optarg;
		return true;
	case 'n':
		arguments->fake.n_keys = number;
		return number <= 5000;
	case 'm':
		arguments->fake.n_connections = number;
		return true;
	case 'w':
		arguments->fake.window_ms = (unsigned)number;
		return true;
	case 'd':
		arguments->fake.details_max = number;
		return true;
	case 'x':
		arguments->fake.inexact = true;
		return true;
	case 's':
		arguments->fake.special = true;
		return true;
	case 'p':
		arguments->fake.unit = V2M_API_BYTES_PAYLOAD;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
	int option;

	while ((option = getopt(argc, argv, "l:k:n:m:w:d:spx")) != -1)
		if (!parse_option(option, arguments))
			return false;
	return optind == argc;
}

static void obey_order(struct fake_meter *fake, const char *order)
{
	bool unreadable = strcmp(order, "unreadable") == 0;
	bool unstored = strcmp(order, "unstored") == 0;
	bool degraded = strcmp(order, "degraded") == 0;
	bool unhealthy = strcmp(order, "unhealthy") == 0;

	fake_meter_set_window_verdict(fake, unreadable ? V2M_UNREADABLE : V2M_OK);
	fake_meter_set_history_verdict(fake, unreadable ? V2M_UNREADABLE : V2M_OK);
	fake_meter_set_reset_verdict(fake, unstored     ? V2M_NOT_STORED
					   : unreadable ? V2M_UNREADABLE
							: V2M_OK);
	fake_meter_set_transfer_verdict(fake, strcmp(order, "bad document") == 0 ? V2M_BAD_DOCUMENT
					      : strcmp(order, "own document") == 0
						      ? V2M_OWN_DOCUMENT
					      : unstored   ? V2M_NOT_STORED
					      : unreadable ? V2M_UNREADABLE
							   : V2M_OK);
	fake_meter_set_health(fake, !unhealthy,
			      unhealthy  ? "counters_unreadable"
			      : degraded ? "key_source_broken"
					 : NULL);
	printf("done\n");
	fflush(stdout);
}

/* Obeys orders until stdin closes or a signal arrives. Orders are short and come one at a time. */
static void wait_for_end(const sigset_t *signals, struct fake_meter *fake)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signalfd(-1, signals, SFD_CLOEXEC), .events = POLLIN },
	};
	char order[64];

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		ssize_t length;

		if (fds[1].revents)
			break;
		if (!fds[0].revents)
			continue;
		length = read(STDIN_FILENO, order, sizeof(order) - 1);
		if (length <= 0)
			break;
		order[length] = 0;
		order[strcspn(order, "\n")] = 0;
		obey_order(fake, order);
	}
	close(fds[1].fd);
}

static int serve(const struct arguments *arguments, const sigset_t *signals)
{
	struct fake_meter *fake = fake_meter_new(&arguments->fake);
	struct v2m_api_keys api_keys = { .count = 0 };
	static struct v2m_key_ring ring;
	static const struct v2m_strings hosts;
	char *items[] = { arguments->listen };
	const struct v2m_strings listen = { .items = items, .count = 1 };
	V2M_CLEANUP(v2m_listeners_close) struct v2m_listeners listeners = { 0 };
	const struct v2m_http_options options = {
		.listeners = &listeners,
		.api_keys = &ring,
		.hosts = &hosts,
		.api_bytes = arguments->fake.unit,
		.metrics = { .keys_max = 10000, .key_names = true },
		.meter = fake ? fake_meter(fake) : NULL,
	};
	struct v2m_http *http;
	struct v2m_error error;

	if (!fake)
		return 1;
	v2m_api_keys_set_single(&api_keys, arguments->api_key);
	v2m_key_ring_init(&ring, &api_keys);
	if (v2m_listen_open(&listen, &listeners, &error) ||
	    v2m_http_start(&options, &http, &error) || v2m_http_accept(http, &error)) {
		fprintf(stderr, "%s\n", error.text);
		fake_meter_free(fake);
		return 2;
	}
	printf("listening %u\n", v2m_http_port(http));
	fflush(stdout);
	wait_for_end(signals, fake);
	v2m_http_stop(http);
	fake_meter_free(fake);
	return 0;
}

int main(int argc, char **argv)
{
	char any[] = "127.0.0.1:0";
	struct arguments arguments = {
		.fake = { .n_keys = 10, .window_ms = 30000 },
		.listen = any,
		.api_key = "test-key",
	};
	sigset_t signals;

	arguments.fake.api_key = arguments.api_key;
	if (!parse(argc, argv, &arguments)) {
		fprintf(stderr,
			"usage: %s [-l ADDRESS:PORT] [-k API_KEY] [-n KEYS] [-m CONNECTIONS] "
			"[-w WINDOW_MS] [-d DETAILS] [-s] [-p] [-x]\n"
			"  -s  also an inactive key, a key without a port, and two that share one\n"
			"  -p  report payload bytes\n"
			"  -x  the mode without eBPF\n",
			argv[0]);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* The server's threads inherit the mask, so it is set before they start. */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return serve(&arguments, &signals);
}
