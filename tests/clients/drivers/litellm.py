"""The litellm SDK as a client: completion and responses to an OpenAI-compatible base URL, completion to an Anthropic one, embedding."""

import litellm
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, TOOL_QUESTION, Driver, Weather
from tests.clients.transcripts import PICTURE, TOOLS

litellm.telemetry = False
litellm.suppress_debug_info = True


def user(content):
    """One message of the user."""
    return [{"role": "user", "content": content}]


class LiteLLM(Driver):
    """What is the same for both formats of `completion`."""

    def asked(self, model, content=QUESTION, **more):
        raise NotImplementedError

    def whole(self, model):
        return litellm.completion(**self.asked(model))

    def stream(self, model):
        return list(litellm.completion(**self.asked(model), stream=True, stream_options={"include_usage": True}))

    async def asynchronous(self, model):
        stream = await litellm.acompletion(**self.asked(model), stream=True)
        return [await litellm.acompletion(**self.asked(model)), [part async for part in stream]]

    def tools(self, model):
        """A call, its result sent back, and the same call from a stream."""
        first = litellm.completion(**self.asked(model, TOOL_QUESTION), tools=TOOLS)
        message = first.choices[0].message
        results = [{"role": "tool", "tool_call_id": call.id, "content": "Sunny"} for call in message.tool_calls]
        second = self.asked(model)
        second["messages"] = [*user(TOOL_QUESTION), message.model_dump(), *results]
        stream = list(litellm.completion(**self.asked(model, "use the tools"), tools=TOOLS, stream=True))
        return [first, litellm.completion(**second, tools=TOOLS), stream]

    def structured(self, model):
        return litellm.completion(**self.asked(model), response_format=Weather)

    def image(self, model):
        content = [{"type": "text", "text": IMAGE_QUESTION}, {"type": "image_url", "image_url": {"url": PICTURE}}]
        return litellm.completion(**self.asked(model, content))

    def cancel(self, model):
        seen = []
        stream = litellm.completion(**self.asked(model), stream=True)
        for part in stream:
            seen.append(part)
            if len(seen) == 8:
                break
        stream.completion_stream.close()
        return seen


class Chat(LiteLLM):
    """Chat completions."""

    flavour = "chat"

    def where(self, model):
        return {
            "model": f"openai/{model}",
            "api_base": self.place.openai,
            "api_key": self.place.key,
            "extra_headers": self.place.headers,
            "max_retries": 0,
        }

    def asked(self, model, content=QUESTION, **more):
        return {**self.where(model), "messages": user(content), **more}

    def embeddings(self, model):
        return litellm.embedding(input=["one", "two"], **self.where(model))


class Responses(Chat):
    """Responses."""

    flavour = "responses"

    def where(self, model):
        """Of a model that it does not know it makes up the stream from a whole answer, unless told this."""
        litellm.register_model({f"openai/{model}": {"litellm_provider": "openai", "mode": "responses", "supports_native_streaming": True}})
        return super().where(model)

    def whole(self, model):
        return litellm.responses(input=QUESTION, **self.where(model))

    def stream(self, model):
        return list(litellm.responses(input=QUESTION, stream=True, **self.where(model)))

    def tools(self, model):
        tools = [{"type": "function", "name": tool["function"]["name"], "parameters": tool["function"]["parameters"]} for tool in TOOLS]
        first = litellm.responses(input=user(TOOL_QUESTION), tools=tools, **self.where(model))
        items = [item.model_dump() for item in first.output]
        calls = [item["call_id"] for item in items if item["type"] == "function_call"]
        results = [{"type": "function_call_output", "call_id": call, "output": "Sunny"} for call in calls]
        second = litellm.responses(input=[*user(TOOL_QUESTION), *items, *results], tools=tools, **self.where(model))
        return [first, second]

    def structured(self, model):
        return litellm.responses(input=QUESTION, text_format=Weather, **self.where(model))

    def image(self, model):
        content = [{"type": "input_text", "text": IMAGE_QUESTION}, {"type": "input_image", "image_url": PICTURE, "detail": "auto"}]
        return litellm.responses(input=user(content), **self.where(model))

    def cancel(self, model):
        seen = []
        stream = litellm.responses(input=QUESTION, stream=True, **self.where(model))
        for event in stream:
            seen.append(event)
            if len(seen) == 8:
                break
        stream.response.close()
        return seen


class Messages(LiteLLM):
    """Anthropic messages."""

    flavour = "messages"

    def asked(self, model, content=QUESTION, **more):
        return {
            "model": f"anthropic/{model}",
            "api_base": self.place.anthropic,
            "api_key": self.place.key,
            "extra_headers": self.place.headers,
            "max_retries": 0,
            "max_tokens": 500,
            "messages": user(content),
            **more,
        }


DRIVERS = (Chat, Responses, Messages)
