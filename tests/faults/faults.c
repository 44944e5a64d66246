// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs the scenario again and again, and makes another call fail in each run.
 *
 *     faults SECONDS             a spread sample of all calls
 *     faults all [KIND [FROM]]   every call; the same with V2M_FAULTS=all in the environment
 *
 *     faults leaks               memory does not grow with reloads and requests: V2M_LEAK_RELOADS
 * (30) and V2M_LEAK_REQUESTS (500) in the environment
 *
 * A run must not crash, not leak, not hang, and not leave a wrong number: after the next start
 * every key has exactly the bytes that arrived for it, or the health says that the ledger was
 * damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "faults/fake_kernel.h"
#include "faults/scenario.h"
#include "process/child.h"
#include "reading/reading.h"

/* A run takes some 100 ms. */
#define PATIENCE_S 60
/* Findings that are shown. */
#define SHOWN_MAX 40
/* Bytes that may be allocated more after any number of reloads or requests. */
#define GROWTH_MAX 65536

static struct shared {
	struct fake_kernel kernel;
	struct report report;
	struct growth growth;
} * shared;

static char directory[64];
static int reading_channel = -1;
static int patience_s = PATIENCE_S;
static unsigned n_runs;
static unsigned n_findings;
static unsigned n_refused;
static unsigned n_unhealthy;

/* The reading process is a fork, which costs less than an exec. */
int __real_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to);
int __wrap_posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int from, int to)
{
	reading_channel = from;
	if (fault_strikes(FAULT_MEMORY, "posix_spawn_file_actions_adddup2"))
		return ENOMEM;
	return __real_posix_spawn_file_actions_adddup2(actions, from, to);
}

int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const words[],
		       char *const environment[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const words[],
		       char *const environment[])
{
	(void)path;
	(void)actions;
	(void)attributes;
	(void)words;
	(void)environment;
	if (fault_strikes(FAULT_CALL, "posix_spawn"))
		return EAGAIN;
	*pid = fork();
	if (*pid < 0)
		return errno;
	if (*pid)
		return 0;
	faults_restart();
	dup2(reading_channel, V2M_CHILD_CHANNEL);
	close_range(V2M_CHILD_CHANNEL + 1, ~0u, 0);
	v2m_reading_run();
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	return walk->level ? remove(path) : 0;
}

/* Waits for a process of ours. What is wrong with its end goes to *how. */
static bool ended_well(pid_t pid, char *how, size_t size)
{
	const struct timespec step = { .tv_nsec = 1000000 };
	int status;

	for (int ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms++) {
		if (ms < patience_s * 1000) {
			nanosleep(&step, NULL);
			continue;
		}
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		snprintf(how, size, "it hangs");
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	snprintf(how, size, WIFSIGNALED(status) ? "signal %d" : "status %d",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

static void silence(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s.log", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		close(fd);
	}
}

static void show_log(void)
{
	char path[128];
	char line[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s.log", directory);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		printf("    %s", line);
	if (file)
		fclose(file);
}

/* The phase in which a call was made. */
static const char *phase_of(enum fault_kind kind, unsigned long at)
{
	unsigned phase = 0;

	while (phase < PHASE_STOP && shared->report.seen[phase][kind] < at)
		phase++;
	return phase_names[phase];
}

static void find(enum fault_kind kind, unsigned long at, const char *what)
{
	if (++n_findings > SHOWN_MAX)
		return;
	printf("%s %lu (%s, %s): %s\n", fault_kind_names[kind], at, shared->report.fired,
	       phase_of(kind, at), what);
	show_log();
	fflush(stdout);
}

/* One run and the start after it. */
static void run_once(enum fault_kind kind, unsigned long at)
{
	char path[128];
	char how[64];
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	snprintf(path, sizeof(path), "%s.log", directory);
	unlink(path);
	n_runs++;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		silence();
		scenario_run(directory, kind, at, &shared->report);
	}
	if (!ended_well(pid, how, sizeof(how))) {
		find(kind, at, how);
		return;
	}
	n_refused += shared->report.refused;
	n_unhealthy += !shared->report.refused && !shared->report.healthy;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		silence();
		scenario_verify(directory, &shared->report);
	}
	if (!ended_well(pid, how, sizeof(how)))
		find(kind, at, how);
	else if (*shared->report.wrong)
		find(kind, at, shared->report.wrong);
}

/* Without a fault: the calls of each kind, and a check of the harness itself. */
static void measure(unsigned long counts[static N_FAULT_KINDS])
{
	run_once(FAULT_MEMORY, 0);
	if (n_findings || !shared->report.healthy || !shared->report.reset_done) {
		printf("without a fault something is wrong already: healthy %d (%s), reset %d\n",
		       shared->report.healthy, shared->report.reason, shared->report.reset_done);
		show_log();
		exit(1);
	}
	for (unsigned kind = 0; kind < N_FAULT_KINDS; kind++) {
		counts[kind] = shared->report.seen[PHASE_STOP][kind];
		printf("%s: %lu calls", fault_kind_names[kind], counts[kind]);
		for (unsigned phase = 0; phase < N_PHASES; phase++)
			printf("%s %s until %lu", phase ? "," : ":", phase_names[phase],
			       shared->report.seen[phase][kind]);
		printf("\n");
	}
}

static void run_all(const unsigned long counts[static N_FAULT_KINDS], const char *only,
		    unsigned long from)
{
	for (unsigned kind = 0; kind < N_FAULT_KINDS; kind++) {
		if (only && strcmp(only, fault_kind_names[kind]) != 0)
			continue;
		for (unsigned long at = from; at <= counts[kind]; at++)
			run_once((enum fault_kind)kind, at);
		printf("%s: every call up to %lu, %u findings so far\n", fault_kind_names[kind],
		       counts[kind], n_findings);
		fflush(stdout);
	}
}

/* Calls that are spread evenly, the same ones in every run: a failure must come again. */
static void run_sample(const unsigned long counts[static N_FAULT_KINDS], double seconds)
{
	time_t end = time(NULL) + (time_t)seconds;
	double place = 0;

	for (unsigned i = 0; time(NULL) < end; i++) {
		enum fault_kind kind = (enum fault_kind)(i % N_FAULT_KINDS);

		/* The golden ratio: each new place is far from all before. */
		if (kind == 0)
			place += 0.6180339887498949;
		place -= (int)place;
		run_once(kind, 1 + (unsigned long)(place * (double)counts[kind]));
	}
}

static void clean_up(void)
{
	char path[128];

	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	rmdir(directory);
	snprintf(path, sizeof(path), "%s.log", directory);
	unlink(path);
}

static unsigned number_of(const char *variable, unsigned otherwise)
{
	const char *text = getenv(variable);

	return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* The bound is the same for any number: a leak of 70 bytes in each of 1,000 reloads is more. */
static void endure(void)
{
	unsigned reloads = number_of("V2M_LEAK_RELOADS", 30);
	unsigned requests = number_of("V2M_LEAK_REQUESTS", 500);
	char how[64] = "";
	pid_t pid = fork();

	patience_s = 60 * PATIENCE_S;
	if (pid == 0) {
		silence();
		scenario_endure(directory, reloads, requests, &shared->report, &shared->growth);
	}
	if (!ended_well(pid, how, sizeof(how)) || shared->growth.reloads > GROWTH_MAX ||
	    shared->growth.requests > GROWTH_MAX) {
		n_findings++;
		show_log();
	}
	printf("%u reloads: %+ld bytes, %u requests: %+ld bytes%s%s\n", reloads,
	       shared->growth.reloads, requests, shared->growth.requests, *how ? ", " : "", how);
}

int main(int argc, char **argv)
{
	unsigned long counts[N_FAULT_KINDS];
	const char *wanted = getenv("V2M_FAULTS");
	bool named = argc > 1 && strcmp(argv[1], "all") == 0;
	bool all = named || (wanted && strcmp(wanted, "all") == 0);

	faults_install();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	snprintf(directory, sizeof(directory), "%s/v2m-faults-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (shared == MAP_FAILED || !mkdtemp(directory))
		return 2;
	fake_kernel = &shared->kernel;
	if (argc > 1 && strcmp(argv[1], "leaks") == 0) {
		endure();
		clean_up();
		return n_findings != 0;
	}
	measure(counts);
	if (all)
		run_all(counts, named && argc > 2 ? argv[2] : NULL,
			named && argc > 3 ? strtoul(argv[3], NULL, 10) : 1);
	else
		run_sample(counts, argc > 1 ? strtod(argv[1], NULL) : 5);
	printf("%u runs, %u findings; %u starts were refused with a reason, %u runs ended "
	       "degraded\n",
	       n_runs, n_findings, n_refused, n_unhealthy);
	clean_up();
	return n_findings != 0;
}
