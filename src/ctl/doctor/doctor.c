// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/doctor.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctl/doctor/checks.h"
#include "ctl/doctor/gather.h"
#include "ctl/render.h"
#include "ctl/text_table.h"

static const char *const names[V2M_N_LEVELS] = { "OK", "WARN", "FAIL" };

static void count_levels(const struct v2m_findings *findings, size_t counts[static V2M_N_LEVELS])
{
	for (size_t i = 0; i < findings->count; i++)
		counts[findings->items[i].level]++;
}

static enum v2m_outcome print_lines(const struct v2m_ctl *ctl, const struct v2m_findings *findings)
{
	static const enum v2m_style styles[V2M_N_LEVELS] = { V2M_STYLE_GOOD, V2M_STYLE_WARN,
							     V2M_STYLE_BAD };
	static const struct v2m_text_column columns[] = { { NULL, false },
							  { NULL, false },
							  { NULL, false } };
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));
	size_t counts[V2M_N_LEVELS] = { 0 };
	enum v2m_outcome outcome;

	for (size_t i = 0; i < findings->count; i++) {
		const struct v2m_finding *finding = &findings->items[i];

		v2m_text_table_cell(table, styles[finding->level], "%s", names[finding->level]);
		v2m_text_table_cell(table, V2M_STYLE_TITLE, "%s", finding->check);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s%s%s", finding->means,
				    finding->advice ? ". To do: " : "",
				    finding->advice ? finding->advice : "");
	}
	outcome = v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
	count_levels(findings, counts);
	if (outcome == V2M_DONE)
		printf("%zu OK, %zu WARN, %zu FAIL\n", counts[V2M_LEVEL_OK], counts[V2M_LEVEL_WARN],
		       counts[V2M_LEVEL_FAIL]);
	return outcome;
}

static enum v2m_outcome print_json(const struct v2m_findings *findings)
{
	size_t counts[V2M_N_LEVELS] = { 0 };
	json_t *list = json_array();
	enum v2m_outcome outcome;
	json_t *all;

	for (size_t i = 0; i < findings->count; i++) {
		const struct v2m_finding *finding = &findings->items[i];

		json_array_append_new(list, json_pack("{ss ss ss ss?}", "check", finding->check,
						      "level", names[finding->level], "means",
						      finding->means, "to_do", finding->advice));
	}
	count_levels(findings, counts);
	all = json_pack("{ss sI sI sI so}", "level", names[v2m_findings_worst(findings)], "ok",
			(json_int_t)counts[V2M_LEVEL_OK], "warn",
			(json_int_t)counts[V2M_LEVEL_WARN], "fail",
			(json_int_t)counts[V2M_LEVEL_FAIL], "checks", list);
	if (!all || json_array_size(list) != findings->count)
		outcome = v2m_render_done(-ENOMEM);
	else
		outcome = v2m_render_json(all);
	json_decref(all);
	return outcome;
}

enum v2m_outcome v2m_ctl_doctor(const struct v2m_ctl *ctl, const char *config)
{
	static const enum v2m_outcome outcomes[V2M_N_LEVELS] = { V2M_DONE, V2M_WARNED,
								 V2M_REFUSED };
	V2M_CLEANUP(v2m_findings_clear) struct v2m_findings findings = { 0 };
	V2M_CLEANUP(v2m_patient_clear) struct v2m_patient patient = { .root = "" };
	enum v2m_outcome printed;

	v2m_gather(ctl, config, &patient);
	for (size_t i = 0; i < v2m_n_checks; i++) {
		findings.check = v2m_checks[i].name;
		v2m_checks[i].run(&patient, &findings);
	}
	if (findings.lost)
		return v2m_render_done(-ENOMEM);
	printed = ctl->json ? print_json(&findings) : print_lines(ctl, &findings);
	return printed == V2M_DONE ? outcomes[v2m_findings_worst(&findings)] : printed;
}
