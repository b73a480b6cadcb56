// The abilities that a request may ask for by `tags`, as they are written there and as the page calls them.

const PREFIX = "chat_completions:";

export const TAGS = [
  ["vision", "images"],
  ["pdf_input", "PDF"],
  ["audio_input", "audio"],
  ["reasoning", "reasoning"],
  ["streaming", "streaming"],
  ["function_calling", "tools"],
  ["parallel_function_calling", "several tool calls at once"],
  ["tool_choice", "choice of the tool"],
  ["computer_use", "use of a computer"],
  ["assistant_prefill", "a begun answer"],
  ["prompt_caching", "prompt caching"],
  ["web_search", "web search"],
  ["url_context", "pages by address"],
].map(([tag, label]) => ({ value: PREFIX + tag, label: label as string }));
