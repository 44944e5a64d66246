// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The daemon: reads its options, puts the parts together, runs the loop, and takes the parts down
 * in reverse order. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "answering/answering.h"
#include "asking/asking.h"
#include "daemon/answerer.h"
#include "daemon/api_key_watch.h"
#include "daemon/check.h"
#include "daemon/reload.h"
#include "daemon/watchdog.h"
#include "collector/collector.h"
#include "config/config.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "config/state_dir.h"
#include "following/following.h"
#include "http/listen.h"
#include "ipc/asking.h"
#include "ipc/following.h"
#include "ipc/reading.h"
#include "process/confine.h"
#include "reading/gather.h"
#include "reading/reading.h"
#include "selftest/self_test.h"
#include "sockets/sessions.h"
#include "datapath/remove.h"

#define LISTEN_WAIT_MS  1000
#define LISTEN_PAUSE_MS 20

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,  /* something on this machine prevents it; another start may succeed */
	STATUS_REFUSED = 2, /* the operator has to change something first */
	STATUS_INCOMPLETE = 3, /* --check: the daemon would run, but not count some users */
};

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_DETACH,
	ACTION_PLACES,
	ACTION_SELF_TEST,
	ACTION_DONE,
};

struct options {
	const char *config_path;
	enum action action;
};

/* The daemon with its active configuration, and the next one after a SIGHUP. */
struct running {
	const char *config_path;
	struct v2m_config config;
	struct v2m_api_keys api_keys;
	struct v2m_listeners listeners;
	struct v2m_collector *collector;
	struct v2m_api_key_watch *watch;
	struct v2m_config next;
	struct v2m_api_keys next_keys;
	bool has_next;
};

static const char usage[] =
	"usage: v2meterd [--config FILE] [--check | --detach | --key-places | --self-test]\n"
	"                [--verbose] [--version] [--help]\n"
	"  --config FILE  the configuration; without it, the defaults\n"
	"  --check        validate configuration and key sources, print them, and exit\n"
	"  --detach       remove our programs and counters from the kernel, and exit\n"
	"  --key-places   print where key_sources \"auto\" looks, a path a line, and exit\n"
	"  --self-test    count traffic in namespaces of its own, compare, and exit\n"
	"  --verbose      log more\n";

/* 0, or -EINVAL: wrong usage. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "detach", no_argument, NULL, 'd' },
		{ "key-places", no_argument, NULL, 'p' },
		{ "self-test", no_argument, NULL, 's' },
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
		case 'k':
		case 'd':
		case 'p':
		case 's':
			if (options->action != ACTION_RUN)
				return -EINVAL;
			options->action = option == 'k'   ? ACTION_CHECK
					  : option == 'd' ? ACTION_DETACH
					  : option == 'p' ? ACTION_PLACES
							  : ACTION_SELF_TEST;
			break;
		case 'v':
			v2m_log_set_level(V2M_LOG_DEBUG);
			break;
		case 'V':
			printf("v2meterd %s\n", V2M_VERSION);
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

static int stop_loop(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	(void)info;
	(void)context;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static void tell_reloaded(void)
{
	sd_notify(0, "READY=1");
}

/* SIGHUP. With another configuration, the parts of the daemon are made anew. */
static int reload(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct running *running = context;
	struct v2m_error error = { 0 };

	(void)info;
	sd_notify(0, "RELOADING=1");
	if (v2m_reload_read(running->config_path, &running->config, &running->api_keys,
			    &running->next, &running->next_keys, &running->has_next, &error))
		v2m_log_error("SIGHUP: the configuration stays as it was: %s", error.text);
	if (running->has_next) {
		v2m_log_info("SIGHUP: the configuration has changed");
		return sd_event_exit(sd_event_source_get_event(source), 0);
	}
	v2m_log_info("SIGHUP: reading the key sources again");
	v2m_api_key_watch_read(running->watch);
	v2m_collector_reload(running->collector, tell_reloaded);
	return 0;
}

/* Blocks the signals that the event loop handles. Threads that start later inherit that. SIGPIPE is
 * ignored: a client that goes away is not worth a signal. 0 or -errno. */
static int block_signals(void)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	return sigprocmask(SIG_BLOCK, &signals, NULL) ? -errno : 0;
}

/* A signal that comes before its callback is registered stays pending until then. */
static int open_loop(sd_event **event, struct v2m_error *error)
{
	int result = sd_event_new(event);

	if (result >= 0)
		result = sd_event_add_signal(*event, NULL, SIGTERM, stop_loop, NULL);
	if (result >= 0)
		result = sd_event_add_signal(*event, NULL, SIGINT, stop_loop, NULL);
	if (result < 0)
		return v2m_error_set(error, result, "the event loop cannot be set up: %s",
				     strerror(-result));
	return 0;
}

static void run_loop(sd_event *event, struct running *running)
{
	int result = sd_event_add_signal(event, NULL, SIGHUP, reload, running);

	if (result < 0)
		v2m_log_error("SIGHUP will not reload anything: %s", strerror(-result));
	result = v2m_watchdog_start(event, running->collector);
	if (result < 0)
		v2m_log_warning("systemd's watchdog is not served, so systemd may end this "
				"process: %s",
				strerror(-result));
	result = sd_event_loop(event);
	if (result < 0)
		v2m_log_error("the event loop has failed: %s", strerror(-result));
}

/* systemd does not start the service again after STATUS_REFUSED. So that status is only for what
 * the operator has to change. */
static enum exit_status fail(const struct v2m_error *error)
{
	v2m_log_error("%s", error->text);
	return error->failure == V2M_FAILURE_CONFIGURATION || error->failure == V2M_FAILURE_BUSY
		       ? STATUS_REFUSED
		       : STATUS_FAILED;
}

/* The answering process of a daemon that was killed dies with it, and may hold the addresses for a
 * moment longer. */
static int open_listeners(const struct v2m_strings *listen, struct v2m_listeners *listeners,
			  struct v2m_error *error)
{
	const struct timespec pause = { .tv_nsec = LISTEN_PAUSE_MS * 1000000 };
	int result = v2m_listen_open(listen, listeners, error);

	for (int ms = 0; result == -EADDRINUSE && ms < LISTEN_WAIT_MS; ms += LISTEN_PAUSE_MS) {
		nanosleep(&pause, NULL);
		result = v2m_listen_open(listen, listeners, error);
	}
	return result;
}

/* Makes the parts of the daemon and runs them until a signal ends the loop. The listening sockets
 * are the caller's, and outlast that. 0 or -errno. */
static int serve(struct running *running, struct v2m_error *error)
{
	V2M_CLEANUP(sd_event_unrefp) sd_event *event = NULL;
	struct v2m_answerer *answerer = NULL;
	int result = open_loop(&event, error);

	if (!result)
		result = v2m_collector_open(&running->config, event, &running->api_keys,
					    &running->collector, error);
	if (result == -ECANCELED)
		return 0;
	if (result)
		return result;
	result = v2m_api_key_watch_start(event, running->config.state_dir, &running->api_keys,
					 running->collector, &running->watch, error);
	if (!result)
		result = v2m_answerer_start(event, &running->config, &running->listeners,
					    running->collector, &answerer, error);
	if (!result) {
		run_loop(event, running);
		result = v2m_answerer_failed(answerer, error);
	}
	/* A configuration that did not work has no successor. */
	if (result && running->has_next) {
		v2m_config_clear(&running->next);
		running->has_next = false;
	}
	if (!result && !running->has_next) {
		sd_notify(0, "STOPPING=1");
		v2m_log_info("stopping; %s", v2m_collector_outlasts(running->collector)
						     ? "the kernel goes on counting"
						     : "nothing is counted until the next start");
	}
	v2m_answerer_stop(answerer);
	v2m_api_key_watch_stop(running->watch);
	running->watch = NULL;
	v2m_collector_close(running->collector);
	running->collector = NULL;
	return result;
}

/* Serves with the next configuration. If that does not work, with the one before it again. */
static int serve_next(struct running *running, struct v2m_error *error)
{
	struct v2m_config config = running->config;
	struct v2m_api_keys api_keys = running->api_keys;
	int result;

	running->config = running->next;
	running->api_keys = running->next_keys;
	running->has_next = false;
	result = serve(running, error);
	if (!result) {
		v2m_config_clear(&config);
		return 0;
	}
	v2m_log_error("the new configuration does not work, so the one before it stays: %s",
		      error->text);
	v2m_config_clear(&running->config);
	running->config = config;
	running->api_keys = api_keys;
	return serve(running, error);
}

static int serve_all(struct running *running, struct v2m_error *error)
{
	int result = serve(running, error);

	while (!result && running->has_next)
		result = serve_next(running, error);
	return result;
}

static enum exit_status run_daemon(struct v2m_config *config, const char *config_path)
{
	struct running running = { .config_path = config_path, .config = *config };
	V2M_CLOSE int lock_fd = -1;
	struct v2m_error error = { 0 };
	int result = block_signals();

	v2m_confine_memory();
	if (result)
		v2m_error_set(&error, result, "signals cannot be blocked: %s", strerror(-result));
	else
		result = v2m_state_dir_lock(config->state_dir, &lock_fd, &error);
	if (!result)
		result = v2m_reload_api_key(config, config_path, &running.api_keys, &error);
	/* First of all: a start that is refused later would leave its programs in the kernel. */
	if (!result)
		result = open_listeners(&config->listen, &running.listeners, &error);
	if (!result)
		result = serve_all(&running, &error);
	v2m_listeners_close(&running.listeners);
	*config = running.config;
	return result ? fail(&error) : STATUS_OK;
}

static enum exit_status detach(const struct v2m_config *config)
{
	struct v2m_error error = { 0 };
	int result = v2m_sessions_remove(config->pin_dir, &error);

	if (result == 0)
		result = v2m_datapath_remove(config->pin_dir, &error);
	return result ? fail(&error) : STATUS_OK;
}

static enum exit_status check(const struct v2m_config *config, const char *config_path)
{
	struct v2m_error error = { 0 };
	bool incomplete = false;

	v2m_api_key_warn(config, config_path);
	if (v2m_check(config, &incomplete, &error) == 0)
		return incomplete ? STATUS_INCOMPLETE : STATUS_OK;
	fflush(stdout);
	v2m_log_error("%s", error.text);
	return STATUS_REFUSED;
}

static enum exit_status print_key_places(void)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings paths = { 0 };

	if (v2m_key_places(&paths)) {
		v2m_log_error("out of memory");
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < paths.count; i++)
		puts(paths.items[i]);
	return STATUS_OK;
}

static enum exit_status self_test(const struct v2m_config *config)
{
	struct v2m_error error = { 0 };
	int result = v2m_self_test(config->attach == V2M_ATTACH_CLSACT, &error);

	fflush(stdout);
	return result ? fail(&error) : STATUS_OK;
}

static enum exit_status run_action(enum action action, struct v2m_config *config,
				   const char *config_path)
{
	switch (action) {
	case ACTION_CHECK:
		return check(config, config_path);
	case ACTION_DETACH:
		return detach(config);
	case ACTION_SELF_TEST:
		return self_test(config);
	default:
		return run_daemon(config, config_path);
	}
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct v2m_config config;
	struct v2m_error error = { 0 };
	enum exit_status status;

	/* Also in the other processes, which give their rights up before they log. */
	v2m_log_open(NULL);
	/* Only ourselves say so: no option, and not in the manual. */
	if (argc == 2 && strcmp(argv[1], V2M_ANSWERING_ARGUMENT) == 0)
		v2m_answering_run();
	if (argc == 2 && strcmp(argv[1], V2M_READING_ARGUMENT) == 0)
		v2m_reading_run();
	if (argc == 2 && strcmp(argv[1], V2M_ASKING_ARGUMENT) == 0)
		v2m_asking_run();
	if (argc == 2 && strcmp(argv[1], V2M_FOLLOWING_ARGUMENT) == 0)
		v2m_following_run();
	if (parse_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return STATUS_REFUSED;
	}
	if (options.action == ACTION_DONE)
		return STATUS_OK;
	if (options.action == ACTION_PLACES)
		return print_key_places();
	if (v2m_config_load(options.config_path, &config, &error)) {
		v2m_log_error("%s", error.text);
		return STATUS_REFUSED;
	}
	status = run_action(options.action, &config, options.config_path);
	v2m_config_clear(&config);
	return status;
}
