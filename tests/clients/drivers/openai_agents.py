"""OpenAI's Agents SDK over responses, which is its default, and over chat completions."""

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, TOOL_QUESTION, Driver, Weather, weather
from tests.clients.transcripts import PICTURE

set_tracing_disabled(True)


def told(result):
    """What a finished run says."""
    return {"output": result.final_output, "items": result.to_input_list(), "responses": result.raw_responses}


class Agents(Driver):
    """What is the same for both."""

    kind: type

    def agent(self, model, **more):
        sdk = AsyncOpenAI(base_url=self.place.openai, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return Agent(name="one", instructions="Be brief.", model=self.kind(model, openai_client=sdk), **more)

    async def whole(self, model):
        return told(await Runner.run(self.agent(model), QUESTION))

    async def stream(self, model):
        result = Runner.run_streamed(self.agent(model, model_settings=ModelSettings(include_usage=True)), QUESTION)
        events = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
        return {"events": events, **told(result)}

    async def tools(self, model):
        """The loop with a tool, whole and streamed."""
        agent = self.agent(model, tools=[function_tool(weather)])
        streamed = Runner.run_streamed(agent, TOOL_QUESTION)
        kinds = [getattr(event, "name", event.type) async for event in streamed.stream_events()]
        return [told(await Runner.run(agent, TOOL_QUESTION)), kinds, told(streamed)]

    async def handoff(self, model):
        """To an agent that has no tools, so that the conversation holds a call and the request offers none."""
        first = self.agent(model, handoffs=[self.agent(model).clone(name="other")])
        result = await Runner.run(first, TOOL_QUESTION)
        assert result.last_agent.name == "other"
        return told(result)

    async def structured(self, model):
        return told(await Runner.run(self.agent(model, output_type=Weather), QUESTION))

    async def image(self, model):
        content = [{"type": "input_text", "text": IMAGE_QUESTION}, {"type": "input_image", "image_url": PICTURE, "detail": "auto"}]
        return told(await Runner.run(self.agent(model), [{"role": "user", "content": content}]))

    async def cancel(self, model):
        seen = []
        result = Runner.run_streamed(self.agent(model), QUESTION)
        async for event in result.stream_events():
            if event.type == "raw_response_event":
                seen.append(event.data)
                if len(seen) == 8:
                    result.cancel()
        return seen[:8]


class Chat(Agents):
    """Chat completions."""

    flavour = "chat"
    kind = OpenAIChatCompletionsModel


class Responses(Agents):
    """Responses."""

    flavour = "responses"
    kind = OpenAIResponsesModel


DRIVERS = (Chat, Responses)
