-- SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
-- What wrk has measured, in one line: requests, microseconds, the latencies' median, 99th
-- percentile and maximum in microseconds, and how many requests went wrong.
done = function(summary, latency, requests)
	local errors = summary.errors
	io.write(string.format("measured %d %d %d %d %d %d\n", summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99), latency.max,
		errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
