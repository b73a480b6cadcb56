"""instructor over openai-python (tools and JSON schema) and over anthropic."""

from collections.abc import Iterable

import instructor
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, Driver
from tests.clients.transcripts import PICTURE


class Weather(BaseModel):
    """Weather of a city."""

    city: str
    degrees: float
    windy: bool


class Time(BaseModel):
    """Time in a zone."""

    zone: str


class Instructor(Driver):
    """What is the same for both. Answers come with the completion that they were read from."""

    parallel: instructor.Mode

    def client(self, mode: instructor.Mode):
        raise NotImplementedError

    def asynchronous_client(self):
        raise NotImplementedError

    def asked(self, model, text=QUESTION, **more):
        return {"model": model, "messages": [{"role": "user", "content": text}], "max_retries": 0, **more}

    def whole(self, model):
        return self.client().chat.completions.create_with_completion(response_model=Weather, **self.asked(model))

    def stream(self, model):
        return list(self.client().chat.completions.create_partial(response_model=Weather, **self.asked(model)))

    def tools(self, model):
        """Both of two tools at once."""
        asked = self.asked(model, "use the tools")
        return list(self.client(self.parallel).chat.completions.create(response_model=Iterable[Weather | Time], **asked))

    async def asynchronous(self, model):
        client = self.asynchronous_client()
        whole = await client.chat.completions.create_with_completion(response_model=Weather, **self.asked(model))
        partial = client.chat.completions.create_partial(response_model=Weather, **self.asked(model))
        return [whole, [part async for part in partial]]

    def image(self, model):
        content = [IMAGE_QUESTION, instructor.Image.from_base64(PICTURE)]
        return self.client().chat.completions.create_with_completion(response_model=Weather, **self.asked(model, content))

    def cancel(self, model):
        """Breaking off is the SDK's: instructor's client gives its stream when no response model is asked for."""
        seen = []
        with self.client().chat.completions.create(response_model=None, stream=True, **self.asked(model)) as stream:
            for event in stream:
                seen.append(event)
                if len(seen) == 8:
                    break
        return seen


class Chat(Instructor):
    """Chat completions."""

    flavour = "chat"
    parallel = instructor.Mode.PARALLEL_TOOLS

    def client(self, mode=instructor.Mode.TOOLS):
        sdk = OpenAI(base_url=self.place.openai, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return instructor.from_openai(sdk, mode=mode)

    def asynchronous_client(self):
        sdk = AsyncOpenAI(base_url=self.place.openai, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return instructor.from_openai(sdk)

    def structured(self, model):
        modes = (instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS_STRICT)
        return [self.client(mode).chat.completions.create_with_completion(response_model=Weather, **self.asked(model)) for mode in modes]


class Messages(Instructor):
    """Anthropic messages."""

    flavour = "messages"
    parallel = instructor.Mode.ANTHROPIC_PARALLEL_TOOLS

    def client(self, mode=instructor.Mode.TOOLS):
        sdk = Anthropic(base_url=self.place.anthropic, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return instructor.from_anthropic(sdk, mode=mode)

    def asynchronous_client(self):
        sdk = AsyncAnthropic(base_url=self.place.anthropic, api_key=self.place.key, default_headers=self.place.headers, max_retries=0)
        return instructor.from_anthropic(sdk)

    def asked(self, model, text=QUESTION, **more):
        return super().asked(model, text, max_tokens=500, **more)

    def structured(self, model):
        system = [{"role": "system", "content": "Be exact."}]
        asked = self.asked(model)
        return self.client().chat.completions.create_with_completion(
            response_model=Weather, **{**asked, "messages": system + asked["messages"]}
        )


DRIVERS = (Chat, Messages)
