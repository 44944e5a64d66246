// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "faults/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "config/state_dir.h"
#include "faults/fake_kernel.h"
#include "faults/fake_time.h"
#include "faults/world.h"
#include "ledger/ledger.h"

#define KEY(name, port)                                                                            \
	"{\"id\":\"" name "\",\"uuid\":\"" name "\",\"name\":\"" name                              \
	"\",\"transport\":\"tcp\",\"port\":" #port "}"
#define STEP_US        1000
#define ENDURE_WARM_UP 20
#define STEPS          400
#define SECOND_NS      UINT64_C(1000000000)

const char *const phase_names[N_PHASES] = {
	[PHASE_START] = "start", [PHASE_SAMPLE] = "sample and flush",
	[PHASE_RESET] = "reset", [PHASE_RELOAD] = "reload",
	[PHASE_STOP] = "stop",
};

/* The second key moves, and a third one comes. The totals are those of the ports that a key had. */
static const char keys_before[] = "[" KEY("aaaa", 1001) "," KEY("bbbb", 1002) "]";
static const char keys_after[] =
	"[" KEY("aaaa", 1001) "," KEY("bbbb", 1004) "," KEY("cccc", 1003) "]";
const struct owner owners[N_OWNERS] = { { "aaaa", { 1001 } },
					{ "bbbb", { 1002, 1004 } },
					{ "cccc", { 1003 } } };

struct faults_world faults_world = { .ends = { -1, -1 } };

void blame(const char *format, ...)
{
	va_list arguments;

	if (*faults_world.report->wrong)
		return;
	va_start(arguments, format);
	vsnprintf(faults_world.report->wrong, sizeof(faults_world.report->wrong), format,
		  arguments);
	va_end(arguments);
}

/* Nothing of the harness itself fails. */
static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	abort();
}

static void end_phase(enum phase phase)
{
	for (unsigned i = 0; i < N_FAULT_KINDS; i++)
		faults_world.report->seen[phase][i] = faults_seen((enum fault_kind)i);
}

static void write_text(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	faults_pause(true);
	snprintf(path, sizeof(path), "%s/%s", faults_world.directory, name);
	file = fopen(path, "w");
	check(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
	faults_pause(false);
}

static void load_config(void)
{
	char text[3 * PATH_MAX];
	char path[PATH_MAX];
	struct v2m_error error;

	snprintf(text, sizeof(text),
		 "{\"state_dir\":\"%s/state\",\"pin_dir\":\"%s/pins\",\"key_sources\":[\"%s/"
		 "keys.json\"],\"interfaces\":[\"lo\"],\"cache_ttl_s\":0,\"flush_interval_s\":1,"
		 "\"sample_interval_ms\":100}",
		 faults_world.directory, faults_world.directory, faults_world.directory);
	write_text("config.json", text);
	snprintf(path, sizeof(path), "%s/config.json", faults_world.directory);
	check(v2m_config_load(path, &faults_world.config, &error) == 0, "configuration");
}

/* Lets some time pass for the daemon, and one tick. */
static void tick(void)
{
	unsigned readings = fake_kernel->readings;
	uint64_t mark = fake_kernel->mark.stores;

	fake_time_pass(2 * SECOND_NS);
	fake_time_fire();
	/* A tick whose reading fails is over, too. */
	for (int i = 0; i < 8; i++) {
		check(sd_event_run(faults_world.event, STEP_US) >= 0 || errno, "event loop");
		if (fake_kernel->readings > readings && fake_kernel->mark.stores > mark)
			return;
	}
}

static void note_reloaded(void)
{
	faults_world.reloaded = true;
}

/* What main() does before the collector. 0 or -errno. */
static int start(int *lock_fd, char **api_key, struct v2m_error *error)
{
	struct v2m_api_keys api_keys = { .count = 0 };
	int result = v2m_state_dir_lock(faults_world.config.state_dir, lock_fd, error);

	if (!result)
		result = v2m_api_key_load(&faults_world.config, NULL, api_key, error);
	v2m_api_keys_set_single(&api_keys, API_KEY);
	if (!result && sd_event_new(&faults_world.event) < 0)
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	if (!result)
		result = v2m_collector_open(&faults_world.config, faults_world.event, &api_keys,
					    &faults_world.collector, error);
	return result;
}

/* A reload that a fault has spoilt is not waited for as long as one on a busy machine. */
static void reload(const char *keys, time_t patience_s)
{
	time_t end = time(NULL) + patience_s;

	faults_world.reloaded = false;
	write_text("keys.json", keys);
	v2m_collector_reload(faults_world.collector, note_reloaded);
	for (int i = 0; time(NULL) < end && !faults_world.reloaded; i++) {
		fake_time_pass(i < STEPS ? SECOND_NS / 100 : 0);
		sd_event_run(faults_world.event, STEP_US);
	}
}

static void stop(int lock_fd, char *api_key)
{
	if (faults_world.ends[1] >= 0)
		v2m_collector_disconnect(faults_world.collector);
	v2m_collector_close(faults_world.collector);
	sd_event_unref(faults_world.event);
	v2m_keyset_unref(faults_world.keyset);
	v2m_closep(&faults_world.ends[0]);
	v2m_closep(&faults_world.ends[1]);
	v2m_closep(&lock_fd);
	free(api_key);
}

static void serve(void)
{
	struct report *report = faults_world.report;

	tick();
	client_ask_window();
	end_phase(PHASE_SAMPLE);
	client_ask_reset();
	end_phase(PHASE_RESET);
	reload(keys_after, 2);
	tick();
	client_ask_window();
	end_phase(PHASE_RELOAD);
	/* Faults are passing: three ticks later nothing has to be wrong any more. */
	for (int i = 0; i < 3; i++)
		tick();
	client_ask_window();
	report->healthy =
		client_ask_status(report->reason, sizeof(report->reason)) && !*report->reason;
}

void scenario_run(const char *directory, enum fault_kind kind, unsigned long at,
		  struct report *report)
{
	struct v2m_error error = { 0 };
	char *api_key = NULL;
	int lock_fd = -1;
	int result;

	faults_world.directory = directory;
	faults_world.report = report;
	load_config();
	write_text("keys.json", keys_before);
	faults_arm(kind, at);
	result = start(&lock_fd, &api_key, &error);
	end_phase(PHASE_START);
	if (result) {
		report->refused = true;
		if (!*error.text)
			blame("the start is refused without a word");
	} else {
		serve();
	}
	stop(lock_fd, api_key);
	end_phase(PHASE_STOP);
	if (faults_fired())
		snprintf(report->fired, sizeof(report->fired), "%s", faults_fired());
	faults_disarm();
	v2m_config_clear(&faults_world.config);
	exit(0);
}

/* Bytes that are allocated now, by AddressSanitizer's count. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static long allocated(void)
{
	return __sanitizer_get_current_allocated_bytes
		       ? (long)__sanitizer_get_current_allocated_bytes()
		       : 0;
}

static void reload_often(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		reload(i % 2 ? keys_before : keys_after, 30);
		check(faults_world.reloaded, "a reload");
		tick();
	}
}

static void ask_often(unsigned times)
{
	char reason[64];

	for (unsigned i = 0; i < times; i++) {
		if (i % 2)
			client_ask_window();
		else
			check(client_ask_status(reason, sizeof(reason)), "a status");
	}
}

void scenario_endure(const char *directory, unsigned reloads, unsigned requests,
		     struct report *report, struct growth *grown)
{
	struct v2m_error error = { 0 };
	char *api_key = NULL;
	int lock_fd = -1;
	long before;

	faults_world.directory = directory;
	faults_world.report = report;
	load_config();
	write_text("keys.json", keys_before);
	check(start(&lock_fd, &api_key, &error) == 0, "the start");
	reload_often(ENDURE_WARM_UP);
	ask_often(ENDURE_WARM_UP);
	before = allocated();
	reload_often(reloads);
	grown->reloads = allocated() - before;
	before = allocated();
	ask_often(requests);
	grown->requests = allocated() - before;
	stop(lock_fd, api_key);
	v2m_config_clear(&faults_world.config);
	exit(0);
}

/* What the ledger says after the last stop. */
static void compare_totals(const char *reason)
{
	struct v2m_account *account = v2m_account_new();
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error;
	/* The operator was told. */
	bool told = strcmp(reason, "ledger_damaged") == 0 || strcmp(reason, "ledger_lost") == 0;

	check(account && v2m_ledger_open(faults_world.config.state_dir, &ledger, &error) == 0 &&
		      v2m_ledger_load(ledger, account, &error) == 0,
	      "the ledger");
	for (size_t i = 0; i < N_OWNERS; i++) {
		const struct v2m_subject *subject = v2m_account_subject(account, owners[i].uuid);
		uint64_t arrived = arrived_for(owners[i].uuid);
		uint64_t bytes = subject ? subject->lifetime.rx.wire_bytes : 0;
		uint64_t closed = subject ? subject->baseline.rx.wire_bytes : 0;
		uint64_t expected = i == 0 && faults_world.report->reset_done
					    ? faults_world.report->reset_closed
					    : 0;

		if (bytes > arrived || (bytes < arrived && !told))
			blame("%s has %llu bytes, of %llu that arrived%s", owners[i].uuid,
			      (unsigned long long)bytes, (unsigned long long)arrived,
			      told ? " (it was told)" : "");
		if (closed != expected && !told && !(i == 0 && faults_world.report->reset_lost))
			blame("%s was reset at %llu bytes, and the answer said %llu",
			      owners[i].uuid, (unsigned long long)closed,
			      (unsigned long long)expected);
	}
	v2m_ledger_close(ledger);
	v2m_account_free(account);
}

void scenario_verify(const char *directory, struct report *report)
{
	struct v2m_error error = { 0 };
	char reason[64] = "";
	char *api_key = NULL;
	int lock_fd = -1;

	faults_world.directory = directory;
	faults_world.report = report;
	load_config();
	/* A start that was refused has not read the later ones. */
	write_text("keys.json", report->refused ? keys_before : keys_after);
	if (start(&lock_fd, &api_key, &error)) {
		blame("the next start is refused: %s", error.text);
		exit(0);
	}
	tick();
	if (!client_ask_status(reason, sizeof(reason)))
		blame("the next start gives no status");
	stop(lock_fd, api_key);
	compare_totals(reason);
	v2m_config_clear(&faults_world.config);
	exit(0);
}
