"""Names of fields that stand at the top of a request, in any format."""

OBJECTS = ("data_policy", "provider", "providerOptions")
"""Those that hold a policy."""
PLAIN_NAMES = (
    "model messages temperature top_p top_k min_p top_a n stop stop_sequences seed max_tokens max_completion_tokens max_output_tokens user "
    "presence_penalty frequency_penalty repetition_penalty logit_bias logprobs top_logprobs response_format tool_choice "
    "parallel_tool_calls max_tool_calls functions function_call reasoning reasoning_effort include_reasoning thinking enable_thinking "
    "chat_template_kwargs verbosity audio prediction service_tier prompt_cache_key safety_identifier stream_options usage "
    "system cache_control output_config output_format speed context_management "
    "input instructions text truncation include encoding_format dimensions input_type"
)
PLAIN = frozenset(PLAIN_NAMES.split())
"""What asks nothing of the gateway in any format: a request with no other needs no further look."""
