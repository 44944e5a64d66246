// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/reach.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"

#define LOOPBACK "127."

static bool is_loopback(const char *endpoint)
{
	return strncmp(endpoint, LOOPBACK, strlen(LOOPBACK)) == 0;
}

/* The API key crosses the network in clear if v2meterctl uses http to another host. */
static bool check_url(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	static const char *const harmless[] = { "http://127.", "http://localhost", "http://[::1]" };

	if (strncmp(patient->url, "http://", strlen("http://")) != 0)
		return true;
	for (size_t i = 0; i < V2M_ARRAY_LEN(harmless); i++)
		if (strncmp(patient->url, harmless[i], strlen(harmless[i])) == 0)
			return true;
	v2m_found(findings, V2M_LEVEL_WARN,
		  "%s is not encrypted: everybody on the way can read the API key", patient->url);
	v2m_advise(findings, "put nginx with TLS in front (packaging/nginx), and use https");
	return false;
}

void v2m_check_listener(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const struct v2m_strings *listen = &patient->config.listen;
	bool good = check_url(patient, findings);

	for (size_t i = 0; i < listen->count; i++) {
		if (is_loopback(listen->items[i]))
			continue;
		good = false;
		v2m_found(
			findings, V2M_LEVEL_WARN,
			"the API listens on %s without encryption: others can read the API key on "
			"the way, and try keys",
			listen->items[i]);
		v2m_advise(findings,
			   "set \"listen\": \"127.0.0.1:9469\", with nginx and TLS in front "
			   "(packaging/nginx)");
	}
	if (good && listen->count)
		v2m_found(findings, V2M_LEVEL_OK, "the API listens on %s and is reached by %s",
			  listen->items[0], patient->url);
}

/* Whether others than the owner can read a file that holds the key. */
static bool is_open_to_others(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH);
}

void v2m_check_api_key(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	char path[PATH_MAX];

	if (!patient->config.state_dir)
		return;
	if (patient->config.api_key)
		snprintf(path, sizeof(path), "%s", patient->config_path);
	else
		snprintf(path, sizeof(path), "%s/api_key", patient->config.state_dir);
	if (is_open_to_others(path)) {
		v2m_found(findings, V2M_LEVEL_FAIL, "%s holds the API key, and others can read it",
			  path);
		v2m_advise(findings, "chmod 0600 %s, then give the server a new key", path);
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "others cannot read the API key");
	}
}
