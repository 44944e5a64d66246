// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "faults/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "collector/collector.h"
#include "config/config.h"
#include "config/state_dir.h"
#include "faults/fake_kernel.h"
#include "faults/fake_time.h"
#include "ipc/answer.h"
#include "ipc/keyset.h"
#include "ipc/snapshot.h"
#include "ledger/ledger.h"
#include "process/channel.h"

#define KEY(name, port)                                                                            \
	"{\"id\":\"" name "\",\"uuid\":\"" name "\",\"name\":\"" name                              \
	"\",\"transport\":\"tcp\",\"port\":" #port "}"
#define STEP_US   1000
#define STEPS     400
#define FAR       UINT64_MAX
#define API_KEY   "an-api-key-of-32-characters-0000"
#define SECOND_NS UINT64_C(1000000000)

const char *const phase_names[N_PHASES] = {
	[PHASE_START] = "start", [PHASE_SAMPLE] = "sample and flush",
	[PHASE_RESET] = "reset", [PHASE_RELOAD] = "reload",
	[PHASE_STOP] = "stop",
};

/* The second key moves, and a third one comes. The totals are those of the ports that a key had. */
static const char keys_before[] = "[" KEY("aaaa", 1001) "," KEY("bbbb", 1002) "]";
static const char keys_after[] =
	"[" KEY("aaaa", 1001) "," KEY("bbbb", 1004) "," KEY("cccc", 1003) "]";
static const struct {
	const char *uuid;
	uint16_t ports[2];
} owners[] = { { "aaaa", { 1001 } }, { "bbbb", { 1002, 1004 } }, { "cccc", { 1003 } } };

static struct {
	const char *directory;
	struct report *report;
	sd_event *event;
	struct v2m_collector *collector;
	struct v2m_config config;
	struct v2m_keyset *keyset; /* as the answering process knows it */
	int ends[2];               /* the collector's and ours */
	uint64_t last_id;
	bool reloaded;
	bool gone; /* the collector has given up the channel */
} world = { .ends = { -1, -1 } };

V2M_PRINTF(1, 2) static void blame(const char *format, ...)
{
	va_list arguments;

	if (*world.report->wrong)
		return;
	va_start(arguments, format);
	vsnprintf(world.report->wrong, sizeof(world.report->wrong), format, arguments);
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
		world.report->seen[phase][i] = faults_seen((enum fault_kind)i);
}

static void write_text(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world.directory, name);
	file = fopen(path, "w");
	check(file && fputs(text, file) >= 0 && fclose(file) == 0, path);
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
		 world.directory, world.directory, world.directory);
	write_text("config.json", text);
	snprintf(path, sizeof(path), "%s/config.json", world.directory);
	check(v2m_config_load(path, &world.config, &error) == 0, "configuration");
}

static void run_loop(void)
{
	for (int i = 0; i < 16 && sd_event_run(world.event, 0) > 0; i++)
		;
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
		check(sd_event_run(world.event, STEP_US) >= 0 || errno, "event loop");
		if (fake_kernel->readings > readings && fake_kernel->mark.stores > mark)
			return;
	}
}

static void note_state(enum v2m_answering_state state, const struct v2m_error *error, void *context)
{
	(void)error;
	(void)context;
	world.gone = state == V2M_ANSWERING_GONE;
}

static void note_reloaded(void)
{
	world.reloaded = true;
}

/* The daemon starts another answering process if the last one has gone, so we come back. */
static bool connect_again(void)
{
	const struct v2m_greeting greeting = { .n_listeners = 1, .empty_in = (char *)"/tmp" };
	/* Nobody listens at it. */
	const int listener = STDIN_FILENO;

	if (world.ends[1] >= 0 && !world.gone)
		return true;
	if (world.ends[1] >= 0) {
		v2m_collector_disconnect(world.collector);
		v2m_closep(&world.ends[0]);
		v2m_closep(&world.ends[1]);
	}
	world.gone = false;
	if (v2m_channel_pair(world.ends)) {
		world.ends[0] = world.ends[1] = -1;
		return false;
	}
	v2m_collector_connect(world.collector, world.ends[0], &greeting, &listener, note_state,
			      NULL);
	return !world.gone;
}

static void take_keyset(const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_keyset *keyset = v2m_read_keyset(&wire);

	if (!keyset)
		return;
	v2m_keyset_unref(world.keyset);
	world.keyset = keyset;
}

/* Asks and waits. True with the answer, whose memory is the caller's; *wire is behind it. */
static bool ask(enum v2m_question_kind kind, struct v2m_question *question,
		struct v2m_message *message, struct v2m_wire *wire, struct v2m_answer *answer)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire sent = { 0 };
	struct v2m_message asked = { .kind = kind, .id = ++world.last_id, .fd = -1 };

	question->deadline_ns = FAR;
	if (!connect_again())
		return false;
	v2m_put_question(&sent, kind, question);
	asked.data = sent.items;
	asked.length = sent.length;
	if (sent.failed || v2m_channel_send(world.ends[1], &asked))
		return false;
	for (int i = 0; i < STEPS && !world.gone; i++) {
		int received;

		run_loop();
		while ((received = v2m_channel_receive(world.ends[1], V2M_ANSWER_MAX, message)) ==
		       1) {
			if (message->kind == kind && message->id == asked.id) {
				*wire = v2m_wire_reader(message->data, message->length);
				v2m_put_answer(wire, kind, answer);
				return !wire->failed;
			}
			if (message->kind == V2M_NEWS_KEYSET)
				take_keyset(message);
			v2m_message_clear(message);
		}
	}
	return false;
}

static uint64_t arrived_for(const char *uuid)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(owners); i++)
		for (size_t k = 0; k < 2 && strcmp(owners[i].uuid, uuid) == 0; k++)
			if (owners[i].ports[k])
				sum += fake_kernel->arrived[owners[i].ports[k] - FAKE_PORT];
	return sum;
}

/* No key has more bytes than arrived for it, and none has lost what it had. */
static void check_window(const struct v2m_snapshot *snapshot)
{
	static uint64_t seen[V2M_ARRAY_LEN(owners)];

	for (size_t i = 0; i < snapshot->keyset->n_keys; i++) {
		const char *uuid = snapshot->keyset->keys[i].uuid;
		uint64_t bytes = snapshot->keys[i].lifetime.rx.wire_bytes;

		if (bytes > arrived_for(uuid))
			blame("a window has %llu bytes for %s, of %llu that arrived",
			      (unsigned long long)bytes, uuid,
			      (unsigned long long)arrived_for(uuid));
		for (size_t k = 0; k < V2M_ARRAY_LEN(owners); k++) {
			if (strcmp(owners[k].uuid, uuid) != 0)
				continue;
			if (bytes < seen[k])
				blame("a window has %llu bytes for %s, after one with %llu",
				      (unsigned long long)bytes, uuid, (unsigned long long)seen[k]);
			seen[k] = bytes;
		}
	}
}

static void ask_window(void)
{
	struct v2m_question question = { .fresh = true };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_snapshot *snapshot = NULL;
	struct v2m_wire wire;

	if (ask(V2M_ASK_WINDOW, &question, &message, &wire, &answer) && answer.verdict == V2M_OK &&
	    world.keyset)
		snapshot = v2m_read_snapshot(&wire, world.keyset);
	if (snapshot)
		check_window(snapshot);
	v2m_snapshot_unref(snapshot);
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
}

static void ask_reset(void)
{
	struct v2m_question question = { .key_id = (char *)"aaaa", .api_key = (char *)API_KEY };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_wire wire;

	world.report->reset_lost = !ask(V2M_ASK_RESET, &question, &message, &wire, &answer);
	if (!world.report->reset_lost && answer.verdict == V2M_OK) {
		world.report->reset_done = true;
		world.report->reset_closed = answer.reset.closed.rx.wire_bytes;
	}
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
}

/* True if the status could be read. */
static bool ask_status(char *reason, size_t size)
{
	struct v2m_question question = { 0 };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_wire wire;
	bool done = ask(V2M_ASK_STATUS, &question, &message, &wire, &answer) && answer.status;

	if (done)
		snprintf(reason, size, "%s", answer.status->health_reason);
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
	return done;
}

/* What main() does before the collector. 0 or -errno. */
static int start(int *lock_fd, char **api_key, struct v2m_error *error)
{
	struct v2m_digest digest;
	int result = v2m_state_dir_lock(world.config.state_dir, lock_fd, error);

	if (!result)
		result = v2m_api_key_load(&world.config, NULL, api_key, error);
	if (!result && v2m_digest_make(API_KEY, &digest))
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	if (!result && sd_event_new(&world.event) < 0)
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	if (!result)
		result = v2m_collector_open(&world.config, world.event, &digest, &world.collector,
					    error);
	return result;
}

static void reload(void)
{
	world.reloaded = false;
	write_text("keys.json", keys_after);
	v2m_collector_reload(world.collector, note_reloaded);
	for (int i = 0; i < STEPS && !world.reloaded; i++) {
		fake_time_pass(SECOND_NS / 100);
		sd_event_run(world.event, STEP_US);
	}
}

static void stop(int lock_fd, char *api_key)
{
	if (world.ends[1] >= 0)
		v2m_collector_disconnect(world.collector);
	v2m_collector_close(world.collector);
	sd_event_unref(world.event);
	v2m_keyset_unref(world.keyset);
	v2m_closep(&world.ends[0]);
	v2m_closep(&world.ends[1]);
	v2m_closep(&lock_fd);
	free(api_key);
}

static void serve(void)
{
	struct report *report = world.report;

	tick();
	ask_window();
	end_phase(PHASE_SAMPLE);
	ask_reset();
	end_phase(PHASE_RESET);
	reload();
	tick();
	ask_window();
	end_phase(PHASE_RELOAD);
	/* Faults are passing: three ticks later nothing has to be wrong any more. */
	for (int i = 0; i < 3; i++)
		tick();
	ask_window();
	report->healthy = ask_status(report->reason, sizeof(report->reason)) && !*report->reason;
}

void scenario_run(const char *directory, enum fault_kind kind, unsigned long at,
		  struct report *report)
{
	struct v2m_error error = { 0 };
	char *api_key = NULL;
	int lock_fd = -1;
	int result;

	world.directory = directory;
	world.report = report;
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
	v2m_config_clear(&world.config);
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

	check(account && v2m_ledger_open(world.config.state_dir, &ledger, &error) == 0 &&
		      v2m_ledger_load(ledger, account, &error) == 0,
	      "the ledger");
	for (size_t i = 0; i < V2M_ARRAY_LEN(owners); i++) {
		const struct v2m_subject *subject = v2m_account_subject(account, owners[i].uuid);
		uint64_t arrived = arrived_for(owners[i].uuid);
		uint64_t bytes = subject ? subject->lifetime.rx.wire_bytes : 0;
		uint64_t closed = subject ? subject->baseline.rx.wire_bytes : 0;
		uint64_t expected =
			i == 0 && world.report->reset_done ? world.report->reset_closed : 0;

		if (bytes > arrived || (bytes < arrived && !told))
			blame("%s has %llu bytes, of %llu that arrived%s", owners[i].uuid,
			      (unsigned long long)bytes, (unsigned long long)arrived,
			      told ? " (it was told)" : "");
		if (closed != expected && !told && !(i == 0 && world.report->reset_lost))
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

	world.directory = directory;
	world.report = report;
	load_config();
	/* A start that was refused has not read the later ones. */
	write_text("keys.json", report->refused ? keys_before : keys_after);
	if (start(&lock_fd, &api_key, &error)) {
		blame("the next start is refused: %s", error.text);
		exit(0);
	}
	tick();
	if (!ask_status(reason, sizeof(reason)))
		blame("the next start gives no status");
	stop(lock_fd, api_key);
	compare_totals(reason);
	v2m_config_clear(&world.config);
	exit(0);
}
