// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answering/answering.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "answering/remote_meter.h"
#include "apikeys/key_ring.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/zone.h"
#include "http/http.h"
#include "ipc/answer.h"
#include "ipc/api_keys.h"
#include "ipc/greeting.h"
#include "process/channel.h"
#include "process/child.h"
#include "process/confine.h"

#define GREETING_MAX     65536
#define GREETING_WAIT_MS 10000
#define FIRST_FREE_PORT  1024
#define MAX_DATA         (UINT64_C(512) << 20)
#define MAX_OPENED       1024

/* The server, its threads, memory and the channel need these. No file, new socket or program. */
static const int calls[] = {
	/* clients, which the gate accepts, and the channel */
	SCMP_SYS(accept4),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(close),
	SCMP_SYS(shutdown),
	SCMP_SYS(poll),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(ppoll),
	SCMP_SYS(fcntl),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	/* memory, our own and shared */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(memfd_create),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	/* threads and time */
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),
	/* signals and the end */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static void end(const struct v2m_error *error)
{
	struct v2m_message message = { .kind = V2M_SAY_FAILED, .id = error->failure, .fd = -1 };

	message.data = error->text;
	message.length = strlen(error->text) + 1;
	v2m_channel_send(V2M_CHILD_CHANNEL, &message);
	_exit(1);
}

/* Waits for a message: the counting process sends the first ones at once. 0 or -errno. */
static int receive_message(struct v2m_message *message)
{
	struct pollfd channel = { .fd = V2M_CHILD_CHANNEL, .events = POLLIN };
	int result;

	poll(&channel, 1, GREETING_WAIT_MS);
	result = v2m_channel_receive(V2M_CHILD_CHANNEL, GREETING_MAX, message);
	if (result <= 0)
		return result ? result : -EPIPE;
	return 0;
}

static int receive_greeting(struct v2m_greeting *greeting, int *pulse_fd)
{
	struct v2m_message message;
	struct v2m_wire wire;
	int result = receive_message(&message);

	if (result)
		return result;
	wire = v2m_wire_reader(message.data, message.length);
	v2m_put_greeting(&wire, greeting);
	result = v2m_wire_end(&wire);
	if (message.kind != V2M_NEWS_GREETING || message.fd < 0)
		result = -EBADMSG;
	*pulse_fd = V2M_TAKE_FD(message.fd);
	v2m_message_clear(&message);
	return result;
}

/* They follow the greeting. */
static int receive_api_keys(struct v2m_api_keys *keys)
{
	struct v2m_message message;
	struct v2m_wire wire;
	int result = receive_message(&message);

	if (result)
		return result;
	wire = v2m_wire_reader(message.data, message.length);
	v2m_put_api_keys(&wire, keys);
	result = v2m_wire_end(&wire);
	if (message.kind != V2M_NEWS_API_KEYS)
		result = -EBADMSG;
	v2m_message_clear(&message);
	return result;
}

/* The listening sockets come last. */
static int receive_listeners(uint32_t count, struct v2m_listeners *listeners)
{
	struct v2m_message message;
	int result = v2m_array_reserve(listeners, count);

	while (!result && listeners->count < count) {
		result = receive_message(&message);
		if (result)
			break;
		if (message.kind != V2M_NEWS_LISTENER || message.fd < 0)
			result = -EBADMSG;
		else
			listeners->items[listeners->count++] = V2M_TAKE_FD(message.fd);
		v2m_message_clear(&message);
	}
	return result;
}

static unsigned give_up_rights(const struct v2m_greeting *greeting)
{
	const struct v2m_confine_options options = {
		.user = "v2meter",
		.empty_in = greeting->empty_in,
		.max_data = MAX_DATA,
		.max_file = V2M_QUESTION_MAX,
		.max_opened = MAX_OPENED,
	};
	unsigned missing;

	/* The file of the time zone cannot be read later. */
	v2m_zone_follow();
	missing = v2m_confine(&options);
	v2m_child_follow_parent();
	return missing;
}

static void tell_ready(void)
{
	const struct v2m_message message = { .kind = V2M_SAY_READY, .fd = -1 };

	if (v2m_channel_send(V2M_CHILD_CHANNEL, &message))
		_exit(1);
}

/* Ends with the threads that still run: nothing has to be stored. */
static void serve(const struct v2m_greeting *greeting, const struct v2m_api_keys *api_keys,
		  const struct v2m_listeners *listeners, struct v2m_pulse *pulse)
{
	static struct v2m_key_ring ring;
	static char unprotected[256];
	unsigned missing = give_up_rights(greeting);
	struct v2m_remote_meter *remote = v2m_remote_meter_new(
		V2M_CHILD_CHANNEL, greeting->api_bytes, pulse, &ring, unprotected);
	struct v2m_http_options options = {
		.listeners = listeners,
		.api_keys = &ring,
		.hosts = &greeting->hosts,
		.api_bytes = greeting->api_bytes,
		.metrics = greeting->metrics,
	};
	struct v2m_error error = { 0 };
	struct v2m_http *http = NULL;
	int result;

	v2m_key_ring_init(&ring, api_keys);
	if (!remote) {
		v2m_error_set(&error, -ENOMEM, "out of memory");
		end(&error);
	}
	options.meter = v2m_remote_meter(remote);
	if (v2m_http_start(&options, &http, &error))
		end(&error);
	/* All threads but that of the gate run by now, and no client was heard. */
	missing |= v2m_confine_calls(calls, V2M_ARRAY_LEN(calls), false);
	v2m_confine_names(missing, unprotected, sizeof(unprotected));
	if (missing)
		v2m_log_warning("the answering process runs without %s", unprotected);
	if (v2m_http_accept(http, &error))
		end(&error);
	tell_ready();
	result = v2m_remote_meter_run(remote);
	if (result)
		v2m_log_error("the answering process ends: what the counting process sent cannot "
			      "be read: %s",
			      strerror(-result));
	v2m_http_drain(http);
	_exit(result ? 1 : 0);
}

void v2m_answering_run(void)
{
	struct v2m_listeners listeners = { 0 };
	struct v2m_greeting greeting = { 0 };
	struct v2m_api_keys api_keys = { .count = 0 };
	struct v2m_pulse *pulse = NULL;
	int pulse_fd = -1;

	/* exec() has named the process after the link that it was started by. */
	prctl(PR_SET_NAME, "v2meter-answer");
	if (receive_greeting(&greeting, &pulse_fd) == 0 && receive_api_keys(&api_keys) == 0 &&
	    receive_listeners(greeting.n_listeners, &listeners) == 0)
		pulse = v2m_pulse_map(pulse_fd);
	v2m_closep(&pulse_fd);
	if (!pulse) {
		v2m_log_error("the answering process is started by the counting process, and by "
			      "nobody else");
		_exit(2);
	}
	if (greeting.verbose)
		v2m_log_set_level(V2M_LOG_DEBUG);
	serve(&greeting, &api_keys, &listeners, pulse);
	_exit(1);
}
