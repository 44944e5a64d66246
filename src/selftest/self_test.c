// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "selftest/self_test.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "base/transport.h"
#include "datapath/attach.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/port_slots.h"
#include "selftest/capture.h"
#include "selftest/lab.h"
#include "selftest/probe.h"

#define PIN_DIR  V2M_LAB_BPFFS "/v2meter"
#define N_PROBES V2M_ARRAY_LEN(probes)
/* The last acknowledgements of a connection take a moment. */
#define ATTEMPTS   100
#define ATTEMPT_MS 20

/* Below the range from which clients get their ports. */
static const struct v2m_probe probes[] = {
	{ "TCP/IPv4", AF_INET, SOCK_STREAM, 10001 },
	{ "UDP/IPv4", AF_INET, SOCK_DGRAM, 10002 },
	{ "TCP/IPv6", AF_INET6, SOCK_STREAM, 10003 },
	{ "UDP/IPv6", AF_INET6, SOCK_DGRAM, 10004 },
};

struct books {
	struct v2m_captured captured[V2M_ARRAY_LEN(probes)];
	struct v2m_flow rx[V2M_ARRAY_LEN(probes)]; /* as our programs counted */
	struct v2m_flow tx[V2M_ARRAY_LEN(probes)];
};

static bool is_tcp(size_t i)
{
	return probes[i].type == SOCK_STREAM;
}

static int start_counting(const struct v2m_lab *lab, struct v2m_datapath *datapath,
			  struct v2m_error *error)
{
	struct v2m_port_rule rules[V2M_ARRAY_LEN(probes)] = { 0 };
	struct v2m_device device = { .ifindex = lab->here_ifindex,
				     .name = V2M_LAB_DEVICE,
				     .link_header = 14 };
	int placed;

	for (size_t i = 0; i < N_PROBES; i++)
		rules[i] = (struct v2m_port_rule){ .first_port = probes[i].port,
						   .last_port = probes[i].port,
						   .transports = is_tcp(i) ? V2M_TCP : V2M_UDP };
	placed = v2m_datapath_set_ports(datapath, rules, N_PROBES, error);
	return placed < 0 ? placed : v2m_datapath_attach(datapath, &device, NULL, error);
}

static int read_books(struct v2m_datapath *datapath, int capture, struct books *books,
		      struct v2m_error *error)
{
	V2M_CLEANUP(v2m_sample_clear) struct v2m_sample sample = { 0 };
	int result = v2m_capture_read(capture, books->captured, N_PROBES);

	if (result)
		return v2m_error_set(error, result, "the capture cannot be read: %s",
				     strerror(-result));
	result = v2m_datapath_read(datapath, &sample, error);
	for (size_t i = 0; i < N_PROBES && !result; i++)
		for (size_t p = 0; p < sample.n_ports; p++) {
			const struct v2m_port_sample *port = &sample.ports[p];

			if (port->port != probes[i].port)
				continue;
			books->rx[i] = is_tcp(i) ? port->tcp_rx : port->udp_rx;
			books->tx[i] = is_tcp(i) ? port->tcp_tx : port->udp_tx;
		}
	return result;
}

static bool agree(const struct books *books, size_t i)
{
	const struct v2m_captured *captured = &books->captured[i];

	return captured->rx_packets == books->rx[i].packets &&
	       captured->tx_packets == books->tx[i].packets &&
	       captured->rx_bytes == books->rx[i].wire_bytes &&
	       captured->tx_bytes == books->tx[i].wire_bytes;
}

static bool all_agree(const struct books *books)
{
	for (size_t i = 0; i < N_PROBES; i++)
		if (!agree(books, i))
			return false;
	return true;
}

/* Sends everything. A kind that the kernel does not have is left out. */
static int send_all(const struct v2m_lab *lab, struct v2m_error *error)
{
	for (size_t i = 0; i < N_PROBES; i++) {
		int result;

		if (probes[i].family == AF_INET6 && !lab->ipv6)
			continue;
		result = v2m_probe_run(lab, &probes[i]);
		if (result)
			return v2m_error_set(error, result,
					     "%s does not pass between two namespaces: %s",
					     probes[i].name, strerror(-result));
	}
	return 0;
}

static void print_books(const struct v2m_lab *lab, const struct books *books)
{
	for (size_t i = 0; i < N_PROBES; i++) {
		const struct v2m_captured *captured = &books->captured[i];

		if (probes[i].family == AF_INET6 && !lab->ipv6)
			printf("%s  not tested: this kernel has no IPv6 here\n", probes[i].name);
		else
			printf("%s  %s  in: %" PRIu64 " packets, %" PRIu64 " bytes, counted "
			       "%" PRIu64 "; out: %" PRIu64 " packets, %" PRIu64
			       " bytes, counted %" PRIu64 "\n",
			       probes[i].name, agree(books, i) ? "ok" : "WRONG",
			       captured->rx_packets, captured->rx_bytes,
			       (uint64_t)books->rx[i].wire_bytes, captured->tx_packets,
			       captured->tx_bytes, (uint64_t)books->tx[i].wire_bytes);
	}
}

/* Whether what was captured has at least the payload that was sent: a capture that sees nothing
 * would agree with programs that count nothing. */
static bool capture_is_whole(const struct v2m_lab *lab, const struct books *books)
{
	for (size_t i = 0; i < N_PROBES; i++)
		if ((probes[i].family == AF_INET || lab->ipv6) &&
		    (books->captured[i].rx_bytes < V2M_PROBE_BYTES ||
		     books->captured[i].tx_bytes < V2M_PROBE_BYTES))
			return false;
	return true;
}

static int compare(const struct v2m_lab *lab, struct v2m_datapath *datapath, int capture,
		   struct v2m_error *error)
{
	struct books books = { 0 };
	uint64_t bytes = 0;

	for (size_t i = 0; i < N_PROBES; i++) {
		books.captured[i].port = probes[i].port;
		books.captured[i].protocol = is_tcp(i) ? IPPROTO_TCP : IPPROTO_UDP;
	}
	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		int result = read_books(datapath, capture, &books, error);

		if (result)
			return result;
		if (capture_is_whole(lab, &books) && all_agree(&books))
			break;
		poll(NULL, 0, ATTEMPT_MS);
	}
	print_books(lab, &books);
	if (!capture_is_whole(lab, &books))
		return v2m_error_set(error, -EBADMSG, "the capture does not see all packets");
	if (!all_agree(&books))
		return v2m_error_set(error, -EBADMSG,
				     "what the kernel programs counted is not what was sent");
	for (size_t i = 0; i < N_PROBES; i++)
		bytes += books.captured[i].rx_bytes + books.captured[i].tx_bytes;
	printf("every byte was counted: %" PRIu64 " of %" PRIu64 "\n", bytes, bytes);
	return 0;
}

int v2m_self_test(bool force_clsact, struct v2m_error *error)
{
	const struct v2m_datapath_options options = { .pin_dir = PIN_DIR,
						      .force_clsact = force_clsact };
	struct v2m_datapath *datapath = NULL;
	V2M_CLOSE int capture = -1;
	struct v2m_lab lab;
	int result = v2m_lab_enter(&lab, error);

	if (!result)
		result = v2m_datapath_open(&options, &datapath, error);
	if (!result)
		result = start_counting(&lab, datapath, error);
	if (!result) {
		capture = v2m_capture_open(&lab);
		if (capture < 0)
			result = v2m_error_set(error, capture, "the wire cannot be captured: %s",
					       strerror(-capture));
	}
	if (!result)
		result = send_all(&lab, error);
	if (!result)
		result = compare(&lab, datapath, capture, error);
	v2m_datapath_close(datapath);
	return result;
}
