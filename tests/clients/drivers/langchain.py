"""LangChain: ChatOpenAI (chat completions and responses), ChatAnthropic, OpenAIEmbeddings."""

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langgraph.prebuilt import create_react_agent
from tests.clients.drivers.scaffold import IMAGE_QUESTION, QUESTION, TOOL_QUESTION, Driver, Weather, weather
from tests.clients.transcripts import PICTURE

weather_tool = tool(weather)


class LangChain(Driver):
    """What is the same for all chat models of LangChain."""

    structured_methods = ("json_schema", "function_calling")

    def chat(self, model: str, **more):
        raise NotImplementedError

    def whole(self, model):
        return self.chat(model).invoke(QUESTION)

    def stream(self, model):
        return list(self.chat(model).stream(QUESTION))

    async def asynchronous(self, model):
        chat = self.chat(model)
        return [await chat.ainvoke(QUESTION), [chunk async for chunk in chat.astream(QUESTION)]]

    def tools(self, model):
        """Two turns by hand, then the same as LangGraph's agent does it."""
        chat = self.chat(model).bind_tools([weather_tool])
        messages = [HumanMessage(TOOL_QUESTION)]
        messages.append(chat.invoke(messages))
        messages += [weather_tool.invoke(call) for call in messages[-1].tool_calls]
        assert isinstance(messages[-1], ToolMessage)
        messages.append(chat.invoke(messages))
        streamed = list(chat.stream([HumanMessage(TOOL_QUESTION)]))
        agent = create_react_agent(self.chat(model), [weather_tool]).invoke({"messages": [("user", TOOL_QUESTION)]})
        return {"turns": messages, "streamed": streamed, "agent": agent["messages"]}

    def structured(self, model):
        return {
            method: self.chat(model).with_structured_output(Weather, method=method, include_raw=True).invoke(QUESTION)
            for method in self.structured_methods
        }

    def image(self, model):
        content = [
            {"type": "text", "text": IMAGE_QUESTION},
            {"type": "image", "base64": PICTURE.partition(",")[2], "mime_type": "image/png"},
        ]
        return self.chat(model).invoke([HumanMessage(content)])

    def cancel(self, model):
        seen = []
        stream = self.chat(model).stream(QUESTION)
        for chunk in stream:
            seen.append(chunk)
            if len(seen) == 8:
                break
        stream.close()
        return seen


class Chat(LangChain):
    """Chat completions."""

    flavour = "chat"

    def chat(self, model, **more):
        return ChatOpenAI(
            model=model, base_url=self.place.openai, api_key=self.place.key, default_headers=self.place.headers, max_retries=0, **more
        )

    def embeddings(self, model):
        client = OpenAIEmbeddings(
            model=model,
            base_url=self.place.openai,
            api_key=self.place.key,
            default_headers=self.place.headers,
            check_embedding_ctx_length=False,  # else it fetches the tables of a tokenizer
            max_retries=0,
        )
        return [client.embed_query("one"), client.embed_documents(["one", "two"])]


class Responses(Chat):
    """Responses."""

    flavour = "responses"

    def chat(self, model, **more):
        return super().chat(model, use_responses_api=True, output_version="responses/v1", **more)


class Messages(LangChain):
    """Anthropic messages."""

    flavour = "messages"

    def chat(self, model, **more):
        return ChatAnthropic(
            model=model,
            base_url=self.place.anthropic,
            api_key=self.place.key,
            default_headers=self.place.headers,
            max_retries=0,
            max_tokens=500,
            **more,
        )


DRIVERS = (Chat, Responses, Messages)
