// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* v2meter-notify: asks v2meterd how things are, and sends alerts. */
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "notify/delivery.h"
#include "notify/event.h"
#include "notify/http.h"
#include "notify/look.h"
#include "notify/settings.h"
#include "notify/watch.h"

#define SECOND_NS 1000000000ull

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,  /* --check: no daemon answers; --test: a channel failed; or this machine
			       prevents it */
	STATUS_REFUSED = 2, /* the operator has to change something first */
};

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_TEST,
	ACTION_DONE,
};

struct options {
	const char *config_path;
	const char *api_key_file; /* NULL: that of the configuration */
	enum action action;
};

static const char usage[] =
	"usage: v2meter-notify [--config FILE] [--api-key-file FILE] [--check | --test]\n"
	"                      [--verbose] [--version] [--help]\n"
	"  --config FILE        the configuration; default " V2M_NOTIFY_CONFIG "\n"
	"  --api-key-file FILE  in place of \"api_key_file\" of the configuration\n"
	"  --check              validate the configuration, ask the daemon once, and exit\n"
	"  --test               send a test alert to every channel, and exit\n"
	"  --verbose            log more\n";

/* 0, or -EINVAL: wrong usage. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "api-key-file", required_argument, NULL, 'a' },
		{ "check", no_argument, NULL, 'k' },
		{ "test", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:vVh", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config_path = optarg;
			break;
		case 'a':
			options->api_key_file = optarg;
			break;
		case 'k':
		case 't':
			if (options->action != ACTION_RUN)
				return -EINVAL;
			options->action = option == 'k' ? ACTION_CHECK : ACTION_TEST;
			break;
		case 'v':
			v2m_log_set_level(V2M_LOG_DEBUG);
			break;
		case 'V':
			printf("v2meter-notify %s\n", V2M_VERSION);
			options->action = ACTION_DONE;
			return 0;
		case 'h':
			fputs(usage, stdout);
			options->action = ACTION_DONE;
			return 0;
		default:
			return -EINVAL;
		}
	}
	return optind == argc ? 0 : -EINVAL;
}

static void take_stop(int number)
{
	(void)number;
	v2m_notify_stop = 1;
}

static void set_signals(void)
{
	struct sigaction stop = { .sa_handler = take_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	/* A command may not read what it is given. */
	sigaction(SIGPIPE, &ignore, NULL);
}

/* URLs and the API key must end in no core dump. A program that the kernel hands core dumps to need
 * not respect the limit. */
static void protect_memory(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

/* Sleeps until a moment of CLOCK_MONOTONIC, or until a signal asks to stop. */
static void sleep_until(uint64_t until_ns)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	uint64_t left = until_ns > now_ns ? until_ns - now_ns : 0;
	const struct timespec timeout = { (time_t)(left / SECOND_NS), (long)(left % SECOND_NS) };
	sigset_t stops;
	sigset_t before;

	/* Blocked here, so that a signal before the call is not missed. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, &before);
	if (!v2m_notify_stop)
		ppoll(NULL, 0, &timeout, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Logs a failure once, and its end. */
static void report(const char *what, int64_t result, const struct v2m_error *error, bool *failing)
{
	if (result < 0 && !*failing)
		v2m_log_error("%s: %s", what, error->text);
	if (result >= 0 && *failing)
		v2m_log_info("%s: it works again", what);
	*failing = result < 0;
}

static void look_once(const struct v2m_notify_settings *settings, struct v2m_watch *watch,
		      bool *failing)
{
	V2M_CLEANUP(v2m_look_clear) struct v2m_look look = { 0 };
	struct v2m_error error = { 0 };

	v2m_look_take(settings, &look);
	/* An answer that was interrupted says nothing. */
	if (v2m_notify_stop)
		return;
	if (*look.problem)
		v2m_log_debug("no look at the daemon: %s", look.problem);
	report("the alerts of this look cannot be stored", v2m_watch_take(watch, &look, &error),
	       &error, failing);
}

static void loop(const struct v2m_notify_settings *settings, struct v2m_watch *watch,
		 struct v2m_delivery *delivery)
{
	uint64_t next_look_ns = v2m_clock_mono_ns();
	bool look_fails = false;
	bool delivery_fails = false;

	while (!v2m_notify_stop) {
		struct v2m_error error = { 0 };
		int64_t left;

		if (v2m_clock_mono_ns() >= next_look_ns) {
			look_once(settings, watch, &look_fails);
			next_look_ns = v2m_clock_mono_ns() + settings->poll_interval_s * SECOND_NS;
		}
		left = v2m_delivery_run(delivery, &error);
		report("the queue cannot be worked on", left, &error, &delivery_fails);
		if (left == 0 || v2m_clock_mono_ns() + SECOND_NS > next_look_ns)
			sleep_until(next_look_ns);
		else
			sleep_until(v2m_clock_mono_ns() + SECOND_NS);
	}
}

static enum exit_status run(const struct v2m_notify_settings *settings)
{
	V2M_CLEANUP(v2m_store_closep) struct v2m_store *store = NULL;
	V2M_CLEANUP(v2m_watch_closep) struct v2m_watch *watch = NULL;
	V2M_CLEANUP(v2m_delivery_closep) struct v2m_delivery *delivery = NULL;
	struct v2m_error error = { 0 };
	int result = v2m_store_open(settings->state_dir, &store, &error);

	if (!result)
		result = v2m_watch_open(settings, store, &watch, &error);
	if (!result)
		result = v2m_delivery_open(settings, store, v2m_watch_server(watch), &delivery,
					   &error);
	if (result) {
		v2m_log_error("%s", error.text);
		return STATUS_FAILED;
	}
	v2m_log_info("v2meter-notify %s watches %s every %u s and has %zu channels", V2M_VERSION,
		     settings->daemon, settings->poll_interval_s, settings->channels.count);
	loop(settings, watch, delivery);
	return STATUS_OK;
}

/* Prints the configuration, and whether the daemon answers. */
static enum exit_status check(const struct v2m_notify_settings *settings)
{
	V2M_CLEANUP(v2m_look_clear) struct v2m_look look = { 0 };
	V2M_FREE char *text = v2m_notify_settings_dump(settings);

	if (!text) {
		fputs("v2meter-notify: out of memory\n", stderr);
		return STATUS_FAILED;
	}
	puts(text);
	v2m_look_take(settings, &look);
	if (!*look.problem && look.status && look.keys) {
		printf("%s answers\n", settings->daemon);
		return STATUS_OK;
	}
	fprintf(stderr, "v2meter-notify: %s: %s\n", settings->daemon,
		*look.problem ? look.problem : "it cannot serve figures now");
	return STATUS_FAILED;
}

static enum exit_status test(const struct v2m_notify_settings *settings)
{
	enum exit_status status = STATUS_OK;
	char host[65] = "v2meter";
	V2M_FREE char *text = NULL;
	json_t *event;

	gethostname(host, sizeof(host) - 1);
	event = v2m_event_new(V2M_EVENT_TEST, V2M_STATE_RAISED,
			      settings->server ? settings->server : host, v2m_clock_real_us(),
			      "test alert");
	if (event)
		v2m_event_line(event, "v2meter-notify can reach you.");
	text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	json_decref(event);
	for (size_t i = 0; text && i < settings->channels.count; i++) {
		const struct v2m_channel *channel = &settings->channels.items[i];
		char problem[256];
		bool sent = v2m_delivery_try(settings, channel, text, problem) == 0;

		printf("%s: %s\n", channel->name, sent ? "delivered" : problem);
		if (!sent)
			status = STATUS_FAILED;
	}
	return text ? status : STATUS_FAILED;
}

static enum exit_status act(const struct options *options, struct v2m_notify_settings *settings)
{
	if (options->api_key_file) {
		free(settings->api_key_file);
		settings->api_key_file = strdup(options->api_key_file);
		if (!settings->api_key_file)
			return STATUS_FAILED;
	}
	if (options->action == ACTION_CHECK)
		return check(settings);
	return options->action == ACTION_TEST ? test(settings) : run(settings);
}

int main(int argc, char **argv)
{
	V2M_CLEANUP(v2m_notify_settings_clear) struct v2m_notify_settings settings = { 0 };
	struct options options = { .config_path = V2M_NOTIFY_CONFIG };
	struct v2m_error error = { 0 };
	enum exit_status status;

	v2m_log_open(NULL);
	protect_memory();
	if (parse_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return STATUS_REFUSED;
	}
	if (options.action == ACTION_DONE)
		return STATUS_OK;
	if (v2m_notify_settings_load(options.config_path, &settings, &error)) {
		fprintf(stderr, "v2meter-notify: %s\n", error.text);
		return STATUS_REFUSED;
	}
	set_signals();
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		fputs("v2meter-notify: libcurl cannot start\n", stderr);
		return STATUS_FAILED;
	}
	status = act(&options, &settings);
	curl_global_cleanup();
	return status;
}
