// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "selftest/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define ETHERNET_LEN 14
#define IPV6_LEN     40
/* The longest headers that are looked at: Ethernet, IPv4 with options, both ports. */
#define HEADERS_MAX (ETHERNET_LEN + 60 + 4)
#define BUFFER_SIZE (4 << 20)

static uint16_t read_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

int v2m_capture_open(const struct v2m_lab *lab)
{
	const struct sockaddr_ll device = { .sll_family = AF_PACKET,
					    .sll_protocol = htons(ETH_P_ALL),
					    .sll_ifindex = (int)lab->there_ifindex };
	const int size = BUFFER_SIZE;
	V2M_CLOSE int fd = v2m_lab_socket(lab, lab->there, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (const struct sockaddr *)&device, sizeof(device)))
		return -errno;
	return V2M_TAKE_FD(fd);
}

/* Finds the protocol and the ports, which the frame must contain. 0 if it has none. */
static size_t find_ports(const uint8_t *frame, size_t captured, uint8_t *protocol)
{
	const uint8_t *ip = frame + ETHERNET_LEN;
	size_t length;

	if (captured < ETHERNET_LEN + 20)
		return 0;
	switch (read_be16(frame + 12)) {
	case ETHERTYPE_IP:
		*protocol = ip[9];
		length = ETHERNET_LEN + (size_t)(ip[0] & 15) * 4;
		break;
	case ETHERTYPE_IPV6:
		*protocol = ip[6];
		length = ETHERNET_LEN + IPV6_LEN;
		break;
	default:
		return 0;
	}
	return captured < length + 4 ? 0 : length;
}

/* Adds one frame, if it is of one of the ports. */
static void add_frame(const uint8_t *frame, size_t captured, size_t length,
		      struct v2m_captured *ports, size_t count)
{
	uint8_t protocol = 0;
	size_t offset = find_ports(frame, captured, &protocol);

	for (size_t i = 0; offset && i < count; i++) {
		if (ports[i].protocol != protocol)
			continue;
		if (read_be16(frame + offset + 2) == ports[i].port) {
			ports[i].rx_packets++;
			ports[i].rx_bytes += length;
		}
		if (read_be16(frame + offset) == ports[i].port) {
			ports[i].tx_packets++;
			ports[i].tx_bytes += length;
		}
	}
}

int v2m_capture_read(int fd, struct v2m_captured *ports, size_t count)
{
	uint8_t frame[HEADERS_MAX];

	for (;;) {
		/* MSG_TRUNC: the result is the length of the whole frame. */
		ssize_t length = recv(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			return errno == EAGAIN ? 0 : -errno;
		add_frame(frame, (size_t)length < sizeof(frame) ? (size_t)length : sizeof(frame),
			  (size_t)length, ports, count);
	}
}
