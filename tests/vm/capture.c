/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference for v2meter's figures: counts frames at a packet socket, on a device without
 * offloads. Its parser shares no code with v2meter's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "traffic.h"

/* How long no frame may arrive before a capture that was told to end is complete. */
#define QUIET_MS 200
/* A GSO frame has at most 64 KiB and its headers. */
#define FRAME_MAX 70000

static uint8_t buffer[FRAME_MAX];

struct tally {
	uint64_t packets;
	uint64_t bytes;
	uint64_t payload;
};

/* A datagram whose first fragment was seen. */
struct datagram {
	uint8_t addresses[32];
	uint32_t id;
	struct tally *tally;
};

static struct {
	uint16_t port;
	struct tally rx; /* to the port */
	struct tally tx; /* from it */
	uint64_t super;  /* super-packets: several frames on a wire */
	uint64_t truncated;
	struct datagram datagrams[4096];
	size_t n_datagrams;
} seen;

/* The contents of a frame's network header. */
struct packet {
	const uint8_t *payload;
	size_t size; /* of the IP payload behind all extension headers */
	uint8_t protocol;
	uint8_t addresses[32];
	uint32_t id;
	uint16_t offset; /* of a fragment, bytes */
	bool more;
};

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool read_ipv4(const uint8_t *data, size_t size, struct packet *packet)
{
	size_t header = (size_t)(data[0] & 15) * 4;
	size_t total = be16(data + 2);
	if (size < 20 || header < 20 || total > size || total < header)
		return false;
	packet->payload = data + header;
	packet->size = total - header;
	packet->protocol = data[9];
	memcpy(packet->addresses, data + 12, 8);
	packet->id = be16(data + 4);
	packet->more = data[6] & 0x20;
	packet->offset = (uint16_t)((be16(data + 6) & 0x1fff) * 8);
	return true;
}

static bool read_ipv6(const uint8_t *data, size_t size, struct packet *packet)
{
	if (size < 40 || be16(data + 4) + (size_t)40 > size)
		return false;
	memcpy(packet->addresses, data + 8, 32);
	packet->payload = data + 40;
	packet->size = be16(data + 4);
	packet->protocol = data[6];
	while (packet->protocol == IPPROTO_HOPOPTS || packet->protocol == IPPROTO_DSTOPTS ||
	       packet->protocol == IPPROTO_ROUTING || packet->protocol == IPPROTO_FRAGMENT) {
		const uint8_t *at = packet->payload;
		size_t length = packet->protocol == IPPROTO_FRAGMENT ? 8 : (size_t)at[1] * 8 + 8;
		if (length > packet->size)
			return false;
		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet->offset = be16(at + 2) & 0xfff8;
			packet->more = at[3] & 1;
			packet->id = (uint32_t)be16(at + 4) << 16 | be16(at + 6);
		}
		packet->protocol = at[0];
		packet->payload += length;
		packet->size -= length;
		if (packet->offset > 0)
			break;
	}
	return true;
}

static struct tally *tally_of_fragment(const struct packet *packet)
{
	size_t kept = sizeof(seen.datagrams) / sizeof(seen.datagrams[0]);
	for (size_t i = 0; i < kept && i < seen.n_datagrams; i++) {
		struct datagram *known = &seen.datagrams[i];
		if (known->id == packet->id &&
		    memcmp(known->addresses, packet->addresses, sizeof(known->addresses)) == 0)
			return known->tally;
	}
	return NULL;
}

static struct tally *tally_of_ports(const struct packet *packet, size_t *header)
{
	if (packet->protocol == IPPROTO_TCP && packet->size >= 20)
		*header = (size_t)(packet->payload[12] >> 4) * 4;
	else if (packet->protocol == IPPROTO_UDP && packet->size >= 8)
		*header = 8;
	else
		return NULL;
	if (be16(packet->payload + 2) == seen.port)
		return &seen.rx;
	return be16(packet->payload) == seen.port ? &seen.tx : NULL;
}

static void count_frame(const uint8_t *frame, size_t size, size_t link_header, size_t tag)
{
	struct packet packet = { 0 };
	const uint8_t *at = frame + link_header;
	size_t left = size - link_header;
	while (link_header > 0 && left > 4 &&
	       (be16(at - 2) == ETH_P_8021Q || be16(at - 2) == ETH_P_8021AD)) {
		at += 4;
		left -= 4;
	}
	if (left < 20 || !((at[0] >> 4 == 4 && read_ipv4(at, left, &packet)) ||
			   (at[0] >> 4 == 6 && read_ipv6(at, left, &packet))))
		return;
	if (link_header > 0 && be16(at - 2) != ETH_P_IP && be16(at - 2) != ETH_P_IPV6)
		return;
	size_t header = 0;
	struct tally *tally =
		packet.offset > 0 ? tally_of_fragment(&packet) : tally_of_ports(&packet, &header);
	if (packet.more && packet.offset == 0 && tally) {
		size_t kept = sizeof(seen.datagrams) / sizeof(seen.datagrams[0]);
		struct datagram *slot = &seen.datagrams[seen.n_datagrams++ % kept];
		memcpy(slot->addresses, packet.addresses, sizeof(slot->addresses));
		slot->id = packet.id;
		slot->tally = tally;
	}
	if (!tally)
		return;
	tally->packets++;
	tally->bytes += size + tag;
	tally->payload += packet.size - header;
}

static int capture_socket(const char *device)
{
	int on = 1;
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)if_nametoindex(device) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || address.sll_ifindex == 0)
		return -1;
	traffic_grow_buffers(fd);
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

static bool capture_one(int fd)
{
	struct sockaddr_ll from;
	union {
		struct cmsghdr header;
		uint8_t space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec part = { buffer, sizeof(buffer) };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct virtio_net_hdr offload;
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
	/* Kernels before 6.2 cannot describe UDP GSO in the header, and drop the frame. */
	if (n < 0 && errno == EINVAL) {
		seen.super++;
		return true;
	}
	if (n < (ssize_t)sizeof(offload))
		return false;
	size_t tag = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct tpacket_auxdata aux;
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		tag = aux.tp_status & TP_STATUS_VLAN_VALID ? 4 : 0;
	}
	memcpy(&offload, buffer, sizeof(offload));
	seen.super += offload.gso_type != VIRTIO_NET_HDR_GSO_NONE;
	seen.truncated += (size_t)n > sizeof(buffer);
	size_t link_header = from.sll_hatype == ARPHRD_ETHER || from.sll_hatype == ARPHRD_LOOPBACK
				     ? ETH_HLEN
				     : 0;
	size_t size = (size_t)n - sizeof(offload);
	if ((size_t)n <= sizeof(buffer) && size > link_header)
		count_frame(buffer + sizeof(offload), size, link_header, tag);
	return true;
}

static volatile sig_atomic_t ending;

static void on_end(int number)
{
	(void)number;
	ending = 1;
}

static void print_tally(const char *name, const struct tally *tally)
{
	printf("\"%s_packets\": %" PRIu64 ", \"%s_bytes\": %" PRIu64
	       ", \"payload_%s_bytes\": %" PRIu64 ", ",
	       name, tally->packets, name, tally->bytes, name, tally->payload);
}

int capture_run(const char *device, uint16_t port)
{
	struct sigaction action = { .sa_handler = on_end };
	struct tpacket_stats stats;
	socklen_t stats_len = sizeof(stats);
	int fd = capture_socket(device);
	if (fd < 0) {
		perror(device);
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	seen.port = port;
	puts("READY");
	fflush(stdout);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	/* After the signal, goes on until the device is quiet. */
	for (;;) {
		int ready = poll(&wait, 1, QUIET_MS);
		if (ready == 0 && ending)
			break;
		while (ready > 0 && capture_one(fd))
			;
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_len) < 0) {
		perror("statistics");
		return 1;
	}
	printf("{");
	print_tally("rx", &seen.rx);
	print_tally("tx", &seen.tx);
	printf("\"super\": %" PRIu64 ", \"lost\": %" PRIu64 "}\n", seen.super,
	       (uint64_t)stats.tp_drops + seen.truncated);
	return 0;
}
