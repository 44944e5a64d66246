// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes the input as what the kernel answers by netlink: to every question about links, addresses,
 * routes, qdiscs, filters, sockets and rules of nftables, and as its announcements. The linker
 * leads the calls of this program to the functions with
 * __wrap_ here, so no real socket is asked.
 *
 * The answer lies at the very end of the caller's buffer, so that AddressSanitizer finds a read
 * beyond it. Messages of another sequence number, which everybody ignores, fill the buffer up to
 * there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/transport.h"
#include "devices/links.h"
#include "fuzz.h"
#include "netlink/netlink.h"
#include "netlink/tc_netlink.h"
#include "paths/nat_chains.h"
#include "paths/nft_rules.h"
#include "sockets/listeners.h"
#include "sockets/socket_stats.h"
#include "sockets/sockets.h"

#define ANSWER_MAX 16384u
#define PORT       443

/* The index of the link that the seeds tell about. */
#define IFINDEX 2

static const uint8_t *answer;
static size_t answer_length;
/* What the next calls of recv() give after a question: the answer, then its end, then nothing.
 * Rules of nftables are read by two sockets at once. */
#define SOCKETS 64
static struct socket_state {
	enum { GIVE_NOTHING, GIVE_ANSWER, GIVE_END } next;
	uint32_t sequence;
} states[SOCKETS];
/* The socket that gets announcements, and whether it has just had some. */
static int announcing_fd = -1;
static bool announced;

int __wrap_v2m_netlink_open(int protocol, struct v2m_netlink *netlink);
int __wrap_v2m_netlink_join(struct v2m_netlink *netlink, int group);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);

int __wrap_v2m_netlink_open(int protocol, struct v2m_netlink *netlink)
{
	(void)protocol;
	*netlink = (struct v2m_netlink){ .fd = open("/dev/null", O_RDWR | O_CLOEXEC) };
	if (netlink->fd < 0)
		return -errno;
	FUZZ_CHECK(netlink->fd < SOCKETS);
	states[netlink->fd].next = GIVE_NOTHING;
	return 0;
}

int __wrap_v2m_netlink_join(struct v2m_netlink *netlink, int group)
{
	(void)group;
	announcing_fd = netlink->fd;
	announced = false;
	return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
	const struct nlmsghdr *request = data;

	(void)flags;
	FUZZ_CHECK(fd < SOCKETS && size >= sizeof(*request) && request->nlmsg_len == size);
	states[fd] = (struct socket_state){ GIVE_ANSWER, request->nlmsg_seq };
	return (ssize_t)size;
}

/* Gives the messages the sequence number of the question. */
static void number_messages(uint8_t *messages, size_t length, uint32_t sequence)
{
	size_t at = 0;

	while (length - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;

		memcpy(&header, messages + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length - at)
			return;
		header.nlmsg_seq = sequence;
		memcpy(messages + at, &header, sizeof(header));
		at += NLMSG_ALIGN(header.nlmsg_len);
		if (at > length)
			return;
	}
}

static void put_message(uint8_t *at, uint16_t type, size_t length, uint32_t number)
{
	const struct nlmsghdr header = { .nlmsg_len = (uint32_t)length,
					 .nlmsg_type = type,
					 .nlmsg_seq = number };

	memcpy(at, &header, sizeof(header));
}

/* The answer at the end of the buffer. */
static ssize_t give_answer(uint8_t *buffer, size_t size, uint32_t sequence)
{
	size_t filled = size - answer_length;

	FUZZ_CHECK(size >= ANSWER_MAX / 2);
	if (answer_length + NLMSG_HDRLEN > size) {
		errno = ENOBUFS;
		return -1;
	}
	memset(buffer, 0, filled);
	put_message(buffer, NLMSG_NOOP, filled, sequence + 1);
	memcpy(buffer + filled, answer, answer_length);
	number_messages(buffer + filled, answer_length, sequence);
	return (ssize_t)size;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	struct socket_state *state = &states[fd];

	(void)flags;
	if (fd == announcing_fd)
		announced = !announced;
	else if (state->next == GIVE_ANSWER)
		state->next = GIVE_END;
	else if (state->next == GIVE_END) {
		state->next = GIVE_NOTHING;
		memset(buffer, 0, NLMSG_HDRLEN + sizeof(int));
		put_message(buffer, NLMSG_DONE, NLMSG_HDRLEN + sizeof(int), state->sequence);
		return NLMSG_HDRLEN + sizeof(int);
	}
	if (fd == announcing_fd ? announced : state->next == GIVE_END)
		return give_answer(buffer, size, state->sequence);
	errno = EAGAIN;
	return -1;
}

static void check_name(const char *name, size_t size)
{
	FUZZ_CHECK(memchr(name, 0, size));
}

static void ask_links(void)
{
	char first[] = "auto";
	char second[] = "e*";
	char *items[] = { first, second };
	const struct v2m_strings interfaces = { .items = items, .count = 2 };
	const struct v2m_strings exclude = { 0 };
	V2M_FREE struct v2m_chosen_device *devices = NULL;
	V2M_FREE struct v2m_local_address *addresses = NULL;
	V2M_FREE struct v2m_stacked_link *stacked = NULL;
	struct v2m_links *links;
	struct v2m_error error = { 0 };
	size_t n_devices = 0;
	size_t count;

	FUZZ_CHECK(v2m_links_open(&links, &error) == 0);
	v2m_links_drain(links);
	/* Twice: the second choice knows the first one. */
	for (int i = 0; i < 2; i++) {
		free(V2M_TAKE(devices));
		if (v2m_links_choose(links, &interfaces, &exclude, i, &devices, &n_devices, &error))
			n_devices = 0;
	}
	for (size_t i = 0; i < n_devices; i++) {
		check_name(devices[i].device.name, sizeof(devices[i].device.name));
		check_name(devices[i].reason, sizeof(devices[i].reason));
	}
	v2m_links_read_counters(links, devices, n_devices, &error);
	v2m_links_addresses(links, &addresses, &count, &error);
	v2m_links_stacked(links, devices, n_devices, &stacked, &count, &error);
	v2m_links_close(links);
}

static void ask_traffic_control(void)
{
	V2M_FREE struct v2m_tc_filter *filters = NULL;
	V2M_FREE struct v2m_tc_queue *queues = NULL;
	enum v2m_tc_hook hook = V2M_TC_NONE;
	size_t count = 0;

	v2m_tc_hook(IFINDEX, &hook);
	FUZZ_CHECK(hook <= V2M_TC_INGRESS);
	if (v2m_tc_filters(IFINDEX, TC_H_MIN_INGRESS, &filters, &count) == 0)
		for (size_t i = 0; i < count; i++)
			check_name(filters[i].name, sizeof(filters[i].name));
	count = 0;
	if (v2m_tc_queues(&queues, &count) == 0)
		for (size_t i = 0; i < count; i++)
			check_name(queues[i].kind, sizeof(queues[i].kind));
}

static const struct v2m_port_rule rule = { .first_port = PORT,
					   .last_port = PORT,
					   .transports = V2M_TCP };

static void ask_connections(void)
{
	struct v2m_connection_table *table;
	struct v2m_sockets *sockets;
	struct v2m_error error = { 0 };

	if (v2m_sockets_open(&sockets, &error))
		return;
	FUZZ_CHECK(v2m_sockets_want_details(sockets, true) == 0);
	if (v2m_sockets_dump(sockets, &rule, 1, &table, &error) == 0) {
		for (size_t i = 0; i < table->count; i++)
			check_name(table->connections[i].device,
				   sizeof(table->connections[i].device));
		v2m_connection_table_unref(table);
	}
	v2m_sockets_close(sockets);
}

static void ask_sockets(void)
{
	static struct v2m_listeners listeners;
	struct v2m_socket_stats *stats;
	struct v2m_sample sample = { 0 };
	struct v2m_error error = { 0 };

	v2m_listeners_read(&listeners, &error);
	ask_connections();
	if (v2m_socket_stats_open(&stats, &error))
		return;
	FUZZ_CHECK(v2m_socket_stats_set_ports(stats, &rule, 1, &error) >= 0 || *error.text);
	for (int i = 0; i < 2; i++) {
		v2m_socket_stats_drain(stats);
		if (v2m_socket_stats_read(stats, &sample, &error) == 0)
			FUZZ_CHECK(sample.n_ports <= 1);
		v2m_sample_clear(&sample);
	}
	v2m_socket_stats_close(stats);
}

/* The same messages are its chains, rules and sets. */
static void ask_rules(void)
{
	struct v2m_nat_rules rules = { 0 };

	if (v2m_nft_rules_read(&rules) == 0)
		for (size_t i = 0; i < rules.count; i++) {
			const struct v2m_nat_rule *read = &rules.items[i];

			FUZZ_CHECK(read->changes && read->transports && read->families);
			for (size_t k = 0; k < read->ports.count; k++)
				FUZZ_CHECK(read->ports.items[k].first <= read->ports.items[k].last);
		}
	v2m_nat_rules_clear(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	v2m_log_set_level(V2M_LOG_ERROR);
	if (!size)
		return 0;
	answer = data + 1;
	answer_length = (size - 1) & ~(size_t)(NLMSG_ALIGNTO - 1);
	if (answer_length > ANSWER_MAX)
		answer_length = ANSWER_MAX;
	switch (data[0] % 4) {
	case 0:
		ask_links();
		break;
	case 1:
		ask_traffic_control();
		break;
	case 2:
		ask_sockets();
		break;
	default:
		ask_rules();
	}
	return 0;
}
