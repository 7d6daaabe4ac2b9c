"""Every metric, label and recording-rule name that the harness uses, once.

The recording-rule and label names are Sloth's, so that Grafana dashboards 14348 and 14643 read our series unchanged.
The service's names are written down again in `service/telemetry/`; the contract test joins the two sides.
"""

from __future__ import annotations

from typing import Final

# --- The service's metrics (docs/http-api.md, GET /metrics) ---
REQUESTS_TOTAL: Final = "chatbot_requests_total"
REQUEST_DURATION: Final = "chatbot_request_duration_seconds"
TTFT: Final = "chatbot_ttft_seconds"
RETRIEVAL_DURATION: Final = "chatbot_retrieval_duration_seconds"
TOOL_CALLS_TOTAL: Final = "chatbot_tool_calls_total"
TOOL_DURATION: Final = "chatbot_tool_duration_seconds"
ACTIVE_CONVERSATIONS: Final = "chatbot_active_conversations"
REQUESTS_IN_FLIGHT: Final = "chatbot_requests_in_flight"
LLM_TOKENS_TOTAL: Final = "chatbot_llm_tokens_total"
ERRORS_TOTAL: Final = "chatbot_errors_total"
RETRIEVAL_REQUESTS_TOTAL: Final = "chatbot_retrieval_requests_total"
GUARDRAIL_CHECKS_TOTAL: Final = "chatbot_guardrail_checks_total"

# --- Only where an installation has providers of language models (docs/llm.md) ---
LLM_REQUESTS_TOTAL: Final = "chatbot_llm_requests_total"
LLM_FALLBACKS_TOTAL: Final = "chatbot_llm_fallbacks_total"
LLM_COST_USD_TOTAL: Final = "chatbot_llm_cost_usd_total"
LLM_CIRCUIT_STATE: Final = "chatbot_llm_circuit_state"
BUDGET_USED_RATIO: Final = "chatbot_budget_used_ratio"
CACHE_REQUESTS_TOTAL: Final = "chatbot_cache_requests_total"
TPOT: Final = "chatbot_time_per_output_token_seconds"
TIME_TO_FIRST_CHUNK: Final = "gen_ai_client_operation_time_to_first_chunk_seconds"
"""OpenTelemetry's name: the convention is still in development."""

BUCKET: Final = "_bucket"
COUNT: Final = "_count"

# --- The service's labels ---
ROLE: Final = "role"
COMPLEXITY: Final = "complexity"
OUTCOME: Final = "outcome"
TOOL: Final = "tool"
STAGE: Final = "stage"
MODEL: Final = "model"
GEN_AI_MODEL: Final = "gen_ai_request_model"
STATUS: Final = "status"
REASON: Final = "reason"
CACHE: Final = "cache"
RESULT: Final = "result"
GUARDRAIL: Final = "guardrail"
ACTION: Final = "action"
LE: Final = "le"

# --- Recording rules, Sloth's names ---
SLI_ERROR_PREFIX: Final = "slo:sli_error:ratio_rate"
OBJECTIVE: Final = "slo:objective:ratio"
ERROR_BUDGET: Final = "slo:error_budget:ratio"
PERIOD_DAYS: Final = "slo:time_period:days"
CURRENT_BURN_RATE: Final = "slo:current_burn_rate:ratio"
PERIOD_BURN_RATE: Final = "slo:period_burn_rate:ratio"
PERIOD_BUDGET_REMAINING: Final = "slo:period_error_budget_remaining:ratio"
SLO_INFO: Final = "sloth_slo_info"

# Ours: counts over five minutes. Long windows sum these and divide last (an average of ratios lies).
BAD_EVENTS_5M: Final = "slo:sli_bad_events:increase5m"
VALID_EVENTS_5M: Final = "slo:sli_valid_events:increase5m"
# The same of a raw ratio, whose counts are unknown: every sample weighs the same, bad by the ratio.
BAD_TIME_5M: Final = "slo:sli_bad_time:ratio5m"
VALID_TIME_5M: Final = "slo:sli_valid_time:ratio5m"
# One sample per time slice: whether it missed its limit, whether it had events.
BAD_SLICES: Final = "slo:sli_bad_slices:bool"
VALID_SLICES: Final = "slo:sli_valid_slices:bool"
SAMPLED: Final = "_sampled"
"""Suffix of counts that are kept once in five minutes: windows of weeks sum a tenth of the samples."""
OF_MONTH: Final = "_month"
"""Suffix of counts that carry the calendar month in which they were taken."""

# --- Labels of recorded series and alerts, Sloth's names ---
SLO_ID: Final = "sloth_id"
SLO_SERVICE: Final = "sloth_service"
SLO_NAME: Final = "sloth_slo"
SLO_WINDOW: Final = "sloth_window"
SLO_SEVERITY: Final = "sloth_severity"
MONTH: Final = "sloth_month"
"""Ours: number of the calendar month (UTC) of a count."""

# Ours: which pair of windows fired, and how fast the budget burned for it to fire.
LONG_WINDOW: Final = "long_window"
SHORT_WINDOW: Final = "short_window"
BURN_RATE_FACTOR: Final = "burn_rate_factor"
SEVERITY: Final = "severity"
OWNER: Final = "owner"

JOB: Final = "job"
INSTANCE: Final = "instance"
UP: Final = "up"


def sli_error(window: str) -> str:
    """Name of the recorded error ratio over a window written like `5m`: `slo:sli_error:ratio_rate5m`."""
    return SLI_ERROR_PREFIX + window


def alert_stem(slo_name: str) -> str:
    """How the alerts of an SLO, or of a family, are called, up to what they say: `LatencyRole` for `latency-role`."""
    return "".join(part.capitalize() for part in slo_name.split("-"))
