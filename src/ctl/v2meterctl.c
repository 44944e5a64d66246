// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command-line client: options, the API key, and the call of the command. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "ctl/commands.h"
#include "ctl/text.h"
#include "ctl/text_table.h"

#define DEFAULT_URL      "http://127.0.0.1:9469"
#define DEFAULT_KEY_FILE "/var/lib/v2meter/api_key"
#define KEY_FILE_MAX     4096

struct settings {
	const char *url;
	const char *key_file;
	long timeout_ms; /* 0: the command's own */
	struct v2m_ctl ctl;
	bool finished; /* --help or --version was the whole task */
};

static void print_usage(void)
{
	fputs("usage: v2meterctl [options] COMMAND\n\n", stdout);
	v2m_commands_print(stdout);
	fputs("\n"
	      "KEY is a key's id, uuid, name or port.\n"
	      "\n"
	      "  -u, --url URL            the server (" DEFAULT_URL ")\n"
	      "  -k, --api-key-file FILE  the API key; without it $V2METER_API_KEY, then\n"
	      "                           " DEFAULT_KEY_FILE "\n"
	      "  -s, --state-dir DIR      apikey: of the daemon (/var/lib/v2meter)\n"
	      "  -j, --json               print the server's answer as it is\n"
	      "  -b, --bytes              print exact numbers of bytes in tables\n"
	      "  -B, --batch              top: print tables, for a pipe\n"
	      "  -n, --count NUMBER       top --batch: end after that many tables\n"
	      "  -a, --ascii              top: draw without characters beyond ASCII\n"
	      "  -t, --timeout SECONDS    for one request (5; top 2; export and import 300)\n"
	      "  -v, --verbose            print every attempt on stderr\n"
	      "  -h, --help\n"
	      "  -V, --version\n"
	      "\n"
	      "Status: 0 done, 1 the server said no, 2 wrong usage, 3 no server reached,\n"
	      "4 a reset or an import was sent and its outcome is not known,\n"
	      "5 doctor: no check failed, but some warn.\n",
	      stdout);
}

static enum v2m_outcome wrong_usage(const char *problem, const char *where)
{
	v2m_note("%s%s%s (see v2meterctl --help)", problem, *where ? ": " : "", where);
	return V2M_USAGE;
}

static bool parse_timeout(const char *text, long *timeout_ms)
{
	char *end;
	double seconds = strtod(text, &end);

	/* In this form the comparison refuses NaN, too. */
	if (end == text || *end || !(seconds >= 0.001 && seconds <= 3600))
		return false;
	*timeout_ms = (long)(seconds * 1000);
	return true;
}

static bool parse_count(const char *text, unsigned long *count)
{
	char *end;

	*count = strtoul(text, &end, 10);
	return end != text && !*end && *text != '-' && *count >= 1 && *count <= 1000000;
}

static enum v2m_outcome take_option(int option, struct settings *settings)
{
	switch (option) {
	case 'u':
		settings->url = optarg;
		return V2M_DONE;
	case 'k':
		settings->key_file = optarg;
		return V2M_DONE;
	case 's':
		settings->ctl.state_dir = optarg;
		return V2M_DONE;
	case 'j':
		settings->ctl.json = true;
		return V2M_DONE;
	case 'b':
		settings->ctl.bytes = true;
		return V2M_DONE;
	case 'v':
		settings->ctl.verbose = true;
		return V2M_DONE;
	case 'B':
		settings->ctl.batch = true;
		return V2M_DONE;
	case 'a':
		settings->ctl.ascii = true;
		return V2M_DONE;
	case 'n':
		if (parse_count(optarg, &settings->ctl.count))
			return V2M_DONE;
		return wrong_usage("--count takes 1 to 1000000", optarg);
	case 't':
		if (parse_timeout(optarg, &settings->timeout_ms))
			return V2M_DONE;
		return wrong_usage("--timeout takes 0.001 to 3600 seconds", optarg);
	case 'h':
		print_usage();
		settings->finished = true;
		return V2M_DONE;
	case 'V':
		puts("v2meterctl " V2M_VERSION);
		settings->finished = true;
		return V2M_DONE;
	default:
		/* getopt_long() has printed what is wrong. */
		return V2M_USAGE;
	}
}

static enum v2m_outcome parse_options(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "url", required_argument, NULL, 'u' },
		{ "api-key-file", required_argument, NULL, 'k' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "bytes", no_argument, NULL, 'b' },
		{ "batch", no_argument, NULL, 'B' },
		{ "count", required_argument, NULL, 'n' },
		{ "ascii", no_argument, NULL, 'a' },
		{ "timeout", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	enum v2m_outcome outcome = V2M_DONE;
	int option;

	while (outcome == V2M_DONE && !settings->finished &&
	       (option = getopt_long(argc, argv, "u:k:s:jbBn:at:vhV", options, NULL)) != -1)
		outcome = take_option(option, settings);
	return outcome;
}

/* Reads a key that can be a header's value. 0; -ENODATA if the file is empty; -EINVAL if it is not
 * an API key; or another -errno. */
static int read_key_file(const char *path, char **key)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_read_file(path, KEY_FILE_MAX, &text, &length);

	if (result)
		return result;
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	text[length] = 0;
	if (length == 0)
		return -ENODATA;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	*key = V2M_TAKE(text);
	return 0;
}

/* *key stays NULL if there is no key. The server then says whether it needs one. */
static enum v2m_outcome find_api_key(const char *file, char **key)
{
	const char *environment = getenv("V2METER_API_KEY");
	int result;

	if (!file && environment && *environment) {
		if (strpbrk(environment, "\r\n"))
			return wrong_usage("$V2METER_API_KEY has a line break", "");
		*key = strdup(environment);
		return *key ? V2M_DONE : V2M_REFUSED;
	}
	result = read_key_file(file ? file : DEFAULT_KEY_FILE, key);
	if (result == 0 || (!file && result == -ENOENT))
		return V2M_DONE;
	v2m_note("%s: %s", file ? file : DEFAULT_KEY_FILE,
		 result == -ENODATA  ? "the file is empty"
		 : result == -EINVAL ? "not an API key"
				     : strerror(-result));
	return file ? V2M_USAGE : V2M_DONE;
}

static enum v2m_outcome check_arguments(const struct v2m_command *command, int argc, char **argv)
{
	bool enough = argc >= 2 || !command->argument || command->optional;
	char problem[32];

	if (argc > 1 + (command->argument != NULL) + command->more)
		return wrong_usage(command->argument ? "takes only one argument"
						     : "takes no arguments",
				   argv[0]);
	if (enough && (argc == 1 || *argv[1]))
		return V2M_DONE;
	snprintf(problem, sizeof(problem), "%s %s", enough ? "empty" : "missing",
		 command->argument);
	return wrong_usage(problem, argv[0]);
}

static enum v2m_outcome run_command(int argc, char **argv, struct settings *settings)
{
	V2M_CLEANUP(v2m_client_freep) struct v2m_client *client = NULL;
	V2M_FREE char *api_key = NULL;
	struct v2m_client_options options = { .url = settings->url };
	struct v2m_error error = { 0 };
	const struct v2m_command *command;
	enum v2m_outcome outcome;

	if (argc < 1)
		return wrong_usage("no command", "");
	command = v2m_command_find(argv[0]);
	if (!command)
		return wrong_usage("no such command", argv[0]);
	outcome = check_arguments(command, argc, argv);
	if (outcome == V2M_DONE)
		outcome = find_api_key(settings->key_file, &api_key);
	if (outcome != V2M_DONE)
		return outcome;
	options.api_key = api_key;
	options.timeout_ms = settings->timeout_ms ?: command->timeout_ms;
	if (v2m_client_new(&options, &client, &error))
		return wrong_usage(error.text, "");
	settings->ctl.client = client;
	settings->ctl.more = argc > 1 ? argv + 2 : argv + 1;
	outcome = command->run(&settings->ctl, argc > 1 ? argv[1] : NULL);
	if (outcome == V2M_REFUSED && !api_key && v2m_client_unauthorized(client))
		v2m_note("no API key was sent: give one with --api-key-file or V2METER_API_KEY");
	return outcome;
}

int main(int argc, char **argv)
{
	struct settings settings = { .url = DEFAULT_URL };
	enum v2m_outcome outcome;

	v2m_text_init();
	settings.ctl.colour = v2m_colour_wanted(stdout);
	outcome = parse_options(argc, argv, &settings);
	if (outcome == V2M_DONE && !settings.finished)
		outcome = run_command(argc - optind, argv + optind, &settings);
	if (fflush(stdout) && outcome == V2M_DONE) {
		v2m_note("cannot write: %s", strerror(errno));
		outcome = V2M_REFUSED;
	}
	return (int)outcome;
}
