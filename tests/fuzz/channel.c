// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes the input as what the counting process sends to the answering process: real messages in any
 * order, changed ones, and datagrams and descriptors that no process of ours would send. The meter
 * of the answering process receives them until it refuses one. What the other side sends back is
 * dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answering/remote_meter.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fake/fake_meter.h"
#include "fuzz.h"
#include "ipc/answer.h"
#include "ipc/keyset.h"
#include "ipc/snapshot.h"
#include "process/channel.h"
#include "process/memory.h"

#define MESSAGES_MAX 8

static struct {
	int ends[2]; /* the remote meter's, which stays the same descriptor, and ours */
	struct v2m_remote_meter *remote;
	struct v2m_wire keyset;
	struct v2m_wire window;
} world = { .ends = { -1, -1 } };

/* A piece of the input. */
struct rest {
	const uint8_t *data;
	size_t size;
};

static unsigned take_byte(struct rest *rest)
{
	if (!rest->size)
		return 0;
	rest->size--;
	return *rest->data++;
}

static struct rest take_bytes(struct rest *rest, size_t n)
{
	struct rest taken = { rest->data, n < rest->size ? n : rest->size };

	rest->data += taken.size;
	rest->size -= taken.size;
	return taken;
}

static void make_world(void)
{
	static const struct v2m_api_keys none;
	static struct v2m_key_ring ring;
	const struct fake_options options = { .n_keys = 3, .n_connections = 9, .special = true };
	struct fake_meter *fake = fake_meter_new(&options);
	struct v2m_snapshot *snapshot = fake_meter_snapshot(fake);
	struct v2m_answer answer = { .window.generation = snapshot->generation,
				     .window.expires_ns = UINT64_MAX,
				     .window.live = true,
				     .window.attached = true };
	int pulse_fd;
	struct v2m_pulse *pulse = v2m_pulse_new(1000, &pulse_fd);

	FUZZ_CHECK(pulse && close(pulse_fd) == 0);
	v2m_write_keyset(&world.keyset, snapshot->keyset);
	v2m_put_answer(&world.window, V2M_ASK_WINDOW, &answer);
	v2m_write_snapshot(&world.window, snapshot);
	FUZZ_CHECK(!world.keyset.failed && !world.window.failed);
	v2m_snapshot_unref(snapshot);
	fake_meter_free(fake);
	FUZZ_CHECK(v2m_channel_pair(world.ends) == 0);
	v2m_key_ring_init(&ring, &none);
	world.remote = v2m_remote_meter_new(world.ends[0], V2M_API_BYTES_WIRE, pulse, &ring, NULL);
	FUZZ_CHECK(world.remote);
}

/* A new pair of sockets at the same descriptors: the meter knows its own. */
static void connect_anew(void)
{
	int ends[2];

	FUZZ_CHECK(v2m_channel_pair(ends) == 0);
	for (int i = 0; i < 2; i++) {
		FUZZ_CHECK(dup3(ends[i], world.ends[i], O_CLOEXEC) >= 0);
		close(ends[i]);
	}
}

/* Sends a real message with some of its bytes changed as the input says. */
static void send_changed(uint32_t kind, uint64_t id, const struct v2m_wire *wire, struct rest *rest)
{
	V2M_FREE uint8_t *copy = malloc(wire->length);
	struct v2m_message message = {
		.kind = kind, .id = id, .data = copy, .length = wire->length, .fd = -1
	};

	FUZZ_CHECK(copy);
	memcpy(copy, wire->items, wire->length);
	for (unsigned i = take_byte(rest) % 4; i > 0; i--) {
		size_t at = (take_byte(rest) | (size_t)take_byte(rest) << 8) % wire->length;

		copy[at] = (uint8_t)take_byte(rest);
	}
	v2m_channel_send(world.ends[1], &message);
}

/* A descriptor such as a payload comes in, or nearly so. */
static int make_descriptor(unsigned how, const struct rest *bytes)
{
	int fd;

	if (how % 4 == 0)
		return v2m_memory_seal(bytes->data, bytes->size);
	if (how % 4 == 1)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && write(fd, bytes->data, bytes->size) < 0)
		return fd;
	/* It can still be written to. */
	if (fd >= 0 && how % 4 == 2)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	return fd;
}

/* A datagram as the input has it, with up to three descriptors. */
static void send_raw(struct rest *rest)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(3 * sizeof(int))];
	} control = { 0 };
	unsigned how = take_byte(rest);
	unsigned n_fds = how >> 2 & 3;
	struct rest payload = take_bytes(rest, take_byte(rest) | (size_t)take_byte(rest) << 8);
	struct iovec part = { (void *)payload.data, payload.size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[3] = { -1, -1, -1 };

	for (unsigned i = 0; i < n_fds; i++)
		fds[i] = make_descriptor(how, &payload);
	if (n_fds) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
	}
	sendmsg(world.ends[1], &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (unsigned i = 0; i < n_fds; i++)
		v2m_closep(&fds[i]);
}

static void send_next(struct rest *rest)
{
	struct v2m_message message = { .kind = V2M_NEWS_WITHDRAWN, .fd = -1 };
	struct rest payload;

	switch (take_byte(rest) % 5) {
	case 0:
		send_changed(V2M_NEWS_KEYSET, 0, &world.keyset, rest);
		break;
	case 1:
		send_changed(V2M_ASK_WINDOW, take_byte(rest) % 2, &world.window, rest);
		break;
	case 2:
		v2m_channel_send(world.ends[1], &message);
		break;
	case 3:
		message.kind = take_byte(rest) % (V2M_NEWS_WITHDRAWN + 2);
		message.id = take_byte(rest);
		payload = take_bytes(rest, take_byte(rest) * (size_t)64);
		message.data = payload.data;
		message.length = payload.size;
		v2m_channel_send(world.ends[1], &message);
		break;
	default:
		send_raw(rest);
	}
}

static int lowest_free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rest rest = { data, size };
	int result;
	int lowest;

	v2m_log_set_level(V2M_LOG_ERROR);
	if (!world.remote)
		make_world();
	lowest = lowest_free_descriptor();
	connect_anew();
	for (int i = 0; i < MESSAGES_MAX && rest.size; i++)
		send_next(&rest);
	shutdown(world.ends[1], SHUT_WR);
	result = v2m_remote_meter_run(world.remote);
	FUZZ_CHECK(result == 0 || result == -EBADMSG || result == -ENOMEM);
	/* No descriptor that came along stays open. */
	FUZZ_CHECK(lowest_free_descriptor() == lowest);
	return 0;
}
