// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/channel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "process/memory.h"
#include "process/outbox.h"

#define LARGE (V2M_CHANNEL_INLINE_MAX * 3)

/* The header as it travels. */
struct header {
	uint32_t kind;
	uint32_t attached;
	uint64_t id;
	uint64_t length;
};

static struct {
	int ends[2];
	size_t fds; /* open at the start of a test */
} pair;

static size_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static int open_pair(void **state)
{
	(void)state;
	pair.fds = count_fds();
	return v2m_channel_pair(pair.ends);
}

/* No test leaves a descriptor open, whatever was sent. */
static int close_pair(void **state)
{
	(void)state;
	close(pair.ends[0]);
	close(pair.ends[1]);
	return count_fds() == pair.fds ? 0 : -1;
}

static void expect_equal(size_t length, int fd)
{
	V2M_FREE char *text = malloc(length + 1);
	struct v2m_message sent = { .kind = 7, .id = 9, .data = text, .length = length, .fd = fd };
	struct v2m_message got;

	memset(text, 'x', length);
	assert_int_equal(v2m_channel_send(pair.ends[0], &sent), 0);
	assert_int_equal(v2m_channel_receive(pair.ends[1], LARGE, &got), 1);
	assert_int_equal(got.kind, 7);
	assert_int_equal(got.id, 9);
	assert_int_equal(got.length, length);
	if (length)
		assert_memory_equal(got.data, text, length);
	assert_int_equal(got.fd >= 0, fd >= 0);
	v2m_message_clear(&got);
}

static void test_messages_arrive_whole(void **state)
{
	(void)state;
	expect_equal(0, -1);
	expect_equal(1, -1);
	expect_equal(V2M_CHANNEL_INLINE_MAX, -1);
	expect_equal(V2M_CHANNEL_INLINE_MAX + 1, -1);
	expect_equal(LARGE, -1);
	expect_equal(3, STDERR_FILENO);
}

static void test_the_ends_are_told_apart_from_silence(void **state)
{
	const struct v2m_message sent = { .kind = 1, .fd = -1 };
	struct v2m_message got;

	(void)state;
	assert_int_equal(v2m_channel_receive(pair.ends[1], LARGE, &got), -EAGAIN);
	close(pair.ends[0]);
	assert_int_equal(v2m_channel_receive(pair.ends[1], LARGE, &got), 0);
	assert_int_equal(v2m_channel_send(pair.ends[1], &sent), -EPIPE);
	pair.ends[0] = dup(STDERR_FILENO);
}

/* Sends a header, bytes and descriptors as a hostile process would. */
static void send_raw(const struct header *header, size_t header_size, const void *payload,
		     size_t length, const int *fds, size_t n_fds)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct iovec parts[] = { { (void *)header, header_size }, { (void *)payload, length } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	struct cmsghdr *rights;

	if (n_fds) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, n_fds * sizeof(int));
	}
	assert_true(sendmsg(pair.ends[0], &message, 0) >= 0);
}

static void expect_refused(void)
{
	struct v2m_message got;

	assert_int_equal(v2m_channel_receive(pair.ends[1], LARGE, &got), -EBADMSG);
}

static void test_malformed_messages_are_refused(void **state)
{
	const int fds[] = { 0, 1, 2, 0, 1 };
	char bytes[V2M_CHANNEL_INLINE_MAX + 1] = { 0 };
	struct header header = { .length = 4 };

	(void)state;
	send_raw(&header, sizeof(header) - 1, NULL, 0, NULL, 0); /* half a header */
	expect_refused();
	send_raw(&header, sizeof(header), bytes, 3, NULL, 0); /* less than announced */
	expect_refused();
	send_raw(&header, sizeof(header), bytes, 5, NULL, 0); /* more than announced */
	expect_refused();
	send_raw(&header, sizeof(header), bytes, sizeof(bytes), NULL, 0); /* cut */
	expect_refused();
	send_raw(&header, sizeof(header), bytes, 4, fds, 1); /* a descriptor nobody asked for */
	expect_refused();
	header.attached = 2;
	send_raw(&header, sizeof(header), bytes, 4, NULL, 0); /* none where one is promised */
	expect_refused();
	send_raw(&header, sizeof(header), bytes, 4, fds, 2);
	expect_refused();
	send_raw(&header, sizeof(header), bytes, 4, fds, 5);
	expect_refused();
	header.attached = 3;
	send_raw(&header, sizeof(header), bytes, 4, NULL, 0);
	expect_refused();
	header = (struct header){ .length = LARGE + 1 };
	send_raw(&header, sizeof(header), bytes, 4, NULL, 0);
	expect_refused();
}

/* Sends a payload in memory of that size and expects that it is refused. */
static void refuse_memory(int fd, size_t announced)
{
	const struct header header = { .attached = 1, .length = announced };

	assert_true(fd >= 0);
	send_raw(&header, sizeof(header), NULL, 0, &fd, 1);
	close(fd);
	expect_refused();
}

static void test_memory_that_could_change_is_refused(void **state)
{
	const struct header header = { .attached = 1, .length = LARGE };
	char text[LARGE] = { 0 };
	int fd = memfd_create("test", MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(ftruncate(fd, LARGE), 0);
	refuse_memory(fd, LARGE);
	fd = memfd_create("test", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, LARGE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
	refuse_memory(fd, LARGE);
	refuse_memory(open("/etc/passwd", O_RDONLY), LARGE);
	refuse_memory(v2m_memory_seal(text, LARGE - 1), LARGE);
	refuse_memory(v2m_memory_seal(text, LARGE), LARGE - 1);
	refuse_memory(v2m_memory_seal(text, 0), 0);
	send_raw(&header, sizeof(header), NULL, 0, NULL, 0);
	expect_refused();
}

static void test_an_outbox_keeps_what_finds_no_room_in_order(void **state)
{
	struct v2m_outbox outbox = { .max_count = 1000, .max_bytes = 4 << 20 };
	char text[V2M_CHANNEL_INLINE_MAX] = { 0 };
	struct v2m_message message = { .data = text, .length = sizeof(text), .fd = -1 };
	struct v2m_message got;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		message.id = i;
		message.fd = i % 10 ? -1 : STDERR_FILENO;
		assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), 0);
	}
	assert_false(v2m_outbox_is_empty(&outbox));
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(v2m_channel_receive(pair.ends[1], LARGE, &got), 1);
		assert_int_equal(got.id, i);
		assert_int_equal(got.fd >= 0, i % 10 == 0);
		v2m_message_clear(&got);
		assert_int_equal(v2m_outbox_flush(&outbox, pair.ends[0]), 0);
	}
	assert_true(v2m_outbox_is_empty(&outbox));
}

static void test_an_outbox_has_an_end(void **state)
{
	struct v2m_outbox outbox = { .max_count = 3, .max_bytes = 100 };
	char text[V2M_CHANNEL_INLINE_MAX] = { 0 };
	struct v2m_message message = { .data = text, .length = sizeof(text), .fd = -1 };

	(void)state;
	while (v2m_channel_send(pair.ends[0], &message) == 0)
		;
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), -ENOBUFS);
	message.length = 50;
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), 0);
	message.fd = STDERR_FILENO;
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), 0);
	message.length = 1;
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), -ENOBUFS);
	message.length = 0;
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), 0);
	assert_int_equal(v2m_outbox_send(&outbox, pair.ends[0], &message), -ENOBUFS);
	v2m_outbox_clear(&outbox);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_messages_arrive_whole),
		TEST(test_the_ends_are_told_apart_from_silence),
		TEST(test_malformed_messages_are_refused),
		TEST(test_memory_that_could_change_is_refused),
		TEST(test_an_outbox_keeps_what_finds_no_room_in_order),
		TEST(test_an_outbox_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
