/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_TESTS_BPF_CLEAR_H
#define V2METER_TESTS_BPF_CLEAR_H

struct bpf_object;

/* Makes all maps of loaded programs as they were when the programs had just been loaded. */
void clear_maps(const struct bpf_object *object);

#endif
