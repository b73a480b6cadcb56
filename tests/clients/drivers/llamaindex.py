"""LlamaIndex: OpenAILike (chat completions), OpenAILikeResponses, OpenAILikeEmbedding."""

import base64

from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from llama_index.llms.openai_like.responses import OpenAILikeResponses
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, TOOL_QUESTION, Driver, Weather, weather
from tests.clients.transcripts import PICTURE


class LlamaIndex(Driver):
    """What is the same for both."""

    kind = OpenAILike
    more: dict[str, object] = {}

    def llm(self, model):
        return self.kind(
            model=model,
            api_base=self.place.openai,
            api_key=self.place.key,
            default_headers=self.place.headers,
            is_chat_model=True,
            is_function_calling_model=True,
            context_window=200_000,
            max_retries=0,
            **self.more,
        )

    def whole(self, model):
        return self.llm(model).chat([ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)])

    def stream(self, model):
        return list(self.llm(model).stream_chat([ChatMessage(role="user", content=QUESTION)]))

    async def asynchronous(self, model):
        llm = self.llm(model)
        messages = [ChatMessage(role="user", content=QUESTION)]
        return [await llm.achat(messages), [part async for part in await llm.astream_chat(messages)]]

    def tools(self, model):
        """The call, its result sent back, and the same call from a stream."""
        llm, tool = self.llm(model), FunctionTool.from_defaults(weather)
        first = llm.chat_with_tools([tool], user_msg=TOOL_QUESTION)
        calls = llm.get_tool_calls_from_response(first)
        done = llm.predict_and_call([tool], user_msg=TOOL_QUESTION)
        result = ChatMessage(role="tool", content=str(done), additional_kwargs={"tool_call_id": calls[0].tool_id})
        second = llm.chat_with_tools([tool], chat_history=[ChatMessage(role="user", content=TOOL_QUESTION), first.message, result])
        streamed = list(llm.stream_chat_with_tools([tool], user_msg=TOOL_QUESTION))
        return {"first": first, "calls": calls, "done": done.response, "second": second, "streamed": streamed}

    def structured(self, model):
        llm = self.llm(model)
        return [llm.structured_predict(Weather, PromptTemplate(QUESTION)), llm.as_structured_llm(Weather).complete(QUESTION)]

    def image(self, model):
        picture = ImageBlock(image=base64.b64decode(PICTURE.partition(",")[2]), image_mimetype="image/png")
        return self.llm(model).chat([ChatMessage(role="user", blocks=[TextBlock(text=IMAGE_QUESTION), picture])])

    def cancel(self, model):
        seen = []
        stream = self.llm(model).stream_chat([ChatMessage(role="user", content=QUESTION)])
        for part in stream:
            seen.append([part.delta, part.message.content])
            if len(seen) == 8:
                break
        stream.close()
        return seen


class Chat(LlamaIndex):
    """Chat completions."""

    flavour = "chat"

    def completion(self, model):
        """`complete` of a chat model is a chat completion too."""
        llm = self.llm(model)
        return [llm.complete(QUESTION), list(llm.stream_complete(QUESTION))]

    def schema(self, model):
        """Structured output by `response_format`."""
        llm = self.llm(model)
        llm.should_use_structured_outputs = True
        return llm.structured_predict(Weather, PromptTemplate(QUESTION))

    def embeddings(self, model):
        client = OpenAILikeEmbedding(
            model_name=model,
            api_base=self.place.openai,
            api_key=self.place.key,
            default_headers=self.place.headers,
            max_retries=0,
        )
        return [client.get_query_embedding("one"), client.get_text_embedding_batch(["one", "two"])]


class Responses(LlamaIndex):
    """Responses."""

    flavour = "responses"
    kind = OpenAILikeResponses


DRIVERS = (Chat, Responses)
