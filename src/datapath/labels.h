/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs the label program, see bpf/label.bpf.c. */
#ifndef V2METER_DATAPATH_LABELS_H
#define V2METER_DATAPATH_LABELS_H

#include <stddef.h>

#include "base/error.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Does the step of each label in the kernel, and sets its result. The program is loaded at the
 * first call. 0 or -errno; then labels that were not reached have the result V2M_LABEL_UNKNOWN. */
int v2m_labels_run(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		   struct v2m_error *error);

#endif
