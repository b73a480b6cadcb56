"""pydantic-ai: agents over chat completions, responses and Anthropic messages."""

import base64

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, TOOL_QUESTION, Driver, Weather, weather
from tests.clients.transcripts import PICTURE


class PydanticAI(Driver):
    """What is the same for all."""

    def llm(self, model):
        raise NotImplementedError

    def agent(self, model, **more):
        return Agent(self.llm(model), model_settings={"max_tokens": 500}, retries=0, **more)

    async def whole(self, model):
        result = await self.agent(model, instructions="Be brief.").run(QUESTION)
        return {"output": result.output, "messages": result.all_messages(), "usage": result.usage}

    async def stream(self, model):
        async with self.agent(model).run_stream(QUESTION) as result:
            parts = [part async for part in result.stream_text(delta=True, debounce_by=None)]
        return {"parts": parts, "messages": result.all_messages()}

    async def tools(self, model):
        """The agent's own loop, whole and streamed."""
        agent = self.agent(model, tools=[weather])
        whole = await agent.run(TOOL_QUESTION)
        async with agent.run_stream_events(TOOL_QUESTION) as events:
            streamed = [event async for event in events]
        return {"whole": whole.all_messages(), "streamed": streamed}

    async def structured(self, model):
        """By a tool, which is its default."""
        agent = self.agent(model, output_type=Weather)
        whole = await agent.run(QUESTION)
        async with agent.run_stream(QUESTION) as result:
            parts = [part async for part in result.stream_output(debounce_by=None)]
        return {"output": whole.output, "messages": whole.all_messages(), "parts": parts}

    async def native(self, model):
        """By a JSON schema."""
        result = await self.agent(model, output_type=NativeOutput(Weather)).run(QUESTION)
        return {"output": result.output, "messages": result.all_messages()}

    async def image(self, model):
        picture = BinaryContent(base64.b64decode(PICTURE.partition(",")[2]), media_type="image/png")
        return (await self.agent(model).run([IMAGE_QUESTION, picture])).all_messages()

    async def cancel(self, model):
        seen = []
        async with self.agent(model).run_stream(QUESTION) as result:
            async for part in result.stream_text(delta=True, debounce_by=None):
                seen.append(part)
                if len(seen) == 8:
                    await result.cancel()
                    break
        return seen


class Chat(PydanticAI):
    """Chat completions."""

    flavour = "chat"
    kind = OpenAIChatModel

    def llm(self, model):
        sdk = AsyncOpenAI(base_url=self.place.openai, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return self.kind(model, provider=OpenAIProvider(openai_client=sdk))


class Responses(Chat):
    """Responses."""

    flavour = "responses"
    kind = OpenAIResponsesModel


class Messages(PydanticAI):
    """Anthropic messages."""

    flavour = "messages"

    def llm(self, model):
        sdk = AsyncAnthropic(base_url=self.place.anthropic, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return AnthropicModel(model, provider=AnthropicProvider(anthropic_client=sdk))


DRIVERS = (Chat, Responses, Messages)
