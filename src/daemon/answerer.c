// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/answerer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "answering/answering.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/endpoint.h"
#include "process/child.h"

#define SECOND_NS UINT64_C(1000000000)
/* The pause before a process that ended at once is started again. It doubles each time, so that one
 * which cannot run does not fill the log. */
#define PAUSE_US      500000
#define DOUBLINGS_MAX 5
/* How long a process may take until it serves, and to end after its channel was closed. */
#define READY_WAIT_US 10000000
#define END_WAIT_US   2000000

struct v2m_answerer {
	sd_event *event;
	struct v2m_collector *collector;
	const struct v2m_config *config;
	const struct v2m_listeners *listeners;
	struct v2m_greeting greeting;
	struct v2m_child child;
	sd_event_source *ended; /* the process has ended */
	sd_event_source *timer; /* starts the next process, or kills one that hangs */
	uint64_t started_ns;
	unsigned ended_at_once; /* processes in a row */
	bool served;            /* any process, since the start */
	bool failed;            /* the first process could not serve */
	struct v2m_error error; /* why */
};

static void start_or_pause(struct v2m_answerer *answerer);

static void set_timer(struct v2m_answerer *answerer, uint64_t pause_us)
{
	int result =
		sd_event_source_set_time(answerer->timer, v2m_clock_mono_ns() / 1000 + pause_us);

	if (result >= 0)
		result = sd_event_source_set_enabled(answerer->timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the timer of the answering process cannot be set: %s",
			      strerror(-result));
}

static void stop_timer(struct v2m_answerer *answerer)
{
	sd_event_source_set_enabled(answerer->timer, SD_EVENT_OFF);
}

/* The unit lets in clients of this host only, and the kernel does not tell us what it refuses. */
static void warn_of_the_unit(const struct v2m_strings *listen)
{
	struct sockaddr_in address;

	if (!getenv("INVOCATION_ID"))
		return;
	for (size_t i = 0; i < listen->count; i++)
		if (!v2m_endpoint_parse(listen->items[i], &address) &&
		    ntohl(address.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
			v2m_log_info("only clients that IPAddressAllow= of the service names reach "
				     "%s, see v2meter.json(5)",
				     listen->items[i]);
}

static void note_ready(struct v2m_answerer *answerer)
{
	stop_timer(answerer);
	if (!answerer->served)
		warn_of_the_unit(&answerer->config->listen);
	for (size_t i = 0; i < answerer->config->listen.count; i++)
		v2m_log_info("v2meterd %s serves on http://%s%s", V2M_VERSION,
			     answerer->config->listen.items[i], answerer->served ? " again" : "");
	if (!answerer->served)
		sd_notify(0, "READY=1");
	answerer->served = true;
}

static void note_failed(struct v2m_answerer *answerer, const struct v2m_error *error)
{
	if (answerer->served) {
		v2m_log_error("%s", error->text);
		return;
	}
	answerer->failed = true;
	answerer->error = *error;
	sd_event_exit(answerer->event, 1);
}

/* The process sees the end of its channel, lets its answers leave and ends. The end of the process
 * starts the next one. */
static void note_gone(struct v2m_answerer *answerer, const struct v2m_error *error)
{
	v2m_log_debug("the channel to the answering process is closed: %s", error->text);
	v2m_child_hang_up(&answerer->child);
	set_timer(answerer, END_WAIT_US);
}

static void follow_state(enum v2m_answering_state state, const struct v2m_error *error,
			 void *context)
{
	switch (state) {
	case V2M_ANSWERING_READY:
		note_ready(context);
		break;
	case V2M_ANSWERING_FAILED:
		note_failed(context, error);
		break;
	case V2M_ANSWERING_GONE:
		note_gone(context, error);
		break;
	}
}

static int follow_end(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_answerer *answerer = context;
	char how[64];

	(void)source;
	(void)fd;
	(void)events;
	v2m_collector_disconnect(answerer->collector);
	if (!v2m_child_wait(&answerer->child, 0, how, sizeof(how)))
		return 0;
	answerer->ended = sd_event_source_unref(answerer->ended);
	stop_timer(answerer);
	if (!answerer->failed) {
		v2m_log_warning("the answering process has ended (%s) and is started again; "
				"counting goes on",
				how);
		start_or_pause(answerer);
	}
	return 0;
}

/* 0, or -errno with a sentence. */
static int start_child(struct v2m_answerer *answerer, struct v2m_error *error)
{
	int result = v2m_child_start(V2M_ANSWERING_ARGUMENT, false, &answerer->child, error);

	answerer->started_ns = v2m_clock_mono_ns();
	if (result)
		return result;
	result = sd_event_add_io(answerer->event, &answerer->ended, answerer->child.pidfd, EPOLLIN,
				 follow_end, answerer);
	if (result < 0) {
		v2m_child_stop(&answerer->child);
		return v2m_error_set(error, result, "a child process cannot be watched: %s",
				     strerror(-result));
	}
	set_timer(answerer, READY_WAIT_US);
	v2m_collector_connect(answerer->collector, answerer->child.channel, &answerer->greeting,
			      answerer->listeners->items, follow_state, answerer);
	return 0;
}

static void start_or_pause(struct v2m_answerer *answerer)
{
	struct v2m_error error = { 0 };

	if (v2m_clock_mono_ns() - answerer->started_ns < SECOND_NS) {
		set_timer(answerer, (uint64_t)PAUSE_US << answerer->ended_at_once);
		if (answerer->ended_at_once < DOUBLINGS_MAX)
			answerer->ended_at_once++;
		return;
	}
	answerer->ended_at_once = 0;
	if (start_child(answerer, &error)) {
		v2m_log_error("%s", error.text);
		set_timer(answerer, PAUSE_US);
	}
}

static int follow_timer(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_answerer *answerer = context;
	struct v2m_error error = { 0 };

	(void)timer;
	(void)due_us;
	if (answerer->child.pid) {
		v2m_log_error("the answering process hangs and is killed");
		v2m_collector_disconnect(answerer->collector);
		v2m_child_hang_up(&answerer->child);
		if (kill(answerer->child.pid, SIGKILL))
			v2m_log_error("the answering process cannot be killed: %s",
				      strerror(errno));
	} else if (start_child(answerer, &error)) {
		v2m_log_error("%s", error.text);
		set_timer(answerer, PAUSE_US);
	}
	return 0;
}

/* 0 or -ENOMEM. */
static int fill_greeting(const struct v2m_config *config, struct v2m_greeting *greeting)
{
	greeting->n_listeners = (uint32_t)config->listen.count;
	greeting->api_bytes = config->api_bytes;
	greeting->metrics.keys_max = config->metrics_keys_max;
	greeting->metrics.key_names = config->metrics_key_names;
	greeting->verbose = v2m_log_level() == V2M_LOG_DEBUG;
	for (size_t i = 0; i < config->hosts.count; i++)
		if (v2m_strings_add(&greeting->hosts, config->hosts.items[i]))
			return -ENOMEM;
	greeting->empty_in = strdup(config->state_dir);
	return greeting->empty_in ? 0 : -ENOMEM;
}

static int start_first(struct v2m_answerer *answerer, struct v2m_error *error)
{
	int result = fill_greeting(answerer->config, &answerer->greeting);

	if (result)
		return v2m_error_set(error, result, "out of memory");
	result = sd_event_add_time(answerer->event, &answerer->timer, CLOCK_MONOTONIC, 0, 0,
				   follow_timer, answerer);
	/* The channel comes first: if this process was busy when the time ran out, the other one
	 * may have said meanwhile that it serves. */
	if (result >= 0)
		result = sd_event_source_set_priority(answerer->timer,
						      SD_EVENT_PRIORITY_NORMAL + 20);
	if (result < 0)
		return v2m_error_set(error, result, "the event loop cannot be set up: %s",
				     strerror(-result));
	return start_child(answerer, error);
}

int v2m_answerer_start(sd_event *event, const struct v2m_config *config,
		       const struct v2m_listeners *listeners, struct v2m_collector *collector,
		       struct v2m_answerer **answerer, struct v2m_error *error)
{
	struct v2m_answerer *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->event = sd_event_ref(event);
	made->collector = collector;
	made->config = config;
	made->listeners = listeners;
	made->child = V2M_CHILD_NONE;
	result = start_first(made, error);
	if (result) {
		v2m_answerer_stop(made);
		return result;
	}
	*answerer = made;
	return 0;
}

bool v2m_answerer_failed(const struct v2m_answerer *answerer, struct v2m_error *error)
{
	if (answerer->failed)
		*error = answerer->error;
	return answerer->failed;
}

void v2m_answerer_stop(struct v2m_answerer *answerer)
{
	if (!answerer)
		return;
	sd_event_source_unref(answerer->ended);
	sd_event_source_unref(answerer->timer);
	v2m_collector_disconnect(answerer->collector);
	v2m_child_stop(&answerer->child);
	v2m_greeting_clear(&answerer->greeting);
	sd_event_unref(answerer->event);
	free(answerer);
}
