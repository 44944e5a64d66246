// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sends frames as they are. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

/* 1: a frame; 0: the file ended before one; -1: it is cut off. */
static int read_frame(FILE *file, uint8_t *frame, size_t size, size_t *length)
{
	int high = getc(file);
	int low = getc(file);

	if (high == EOF)
		return 0;
	*length = (size_t)high << 8 | (size_t)(low & 0xff);
	if (low == EOF || *length > size || fread(frame, 1, *length, file) != *length)
		return -1;
	return 1;
}

static int send_frames(int fd, FILE *file)
{
	static uint8_t frame[65536];
	size_t length;
	int result;

	while ((result = read_frame(file, frame, sizeof(frame), &length)) > 0)
		if (send(fd, frame, length, 0) != (ssize_t)length) {
			perror("send");
			return 1;
		}
	if (result < 0)
		fprintf(stderr, "a frame is cut off\n");
	return result < 0;
}

int frames_run(const char *device, const char *path)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	FILE *file = fopen(path, "rb");
	int result = 1;

	to.sll_ifindex = (int)if_nametoindex(device);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)))
		perror(device);
	else if (!file)
		perror(path);
	else
		result = send_frames(fd, file);
	if (file)
		fclose(file);
	if (fd >= 0)
		close(fd);
	return result;
}
