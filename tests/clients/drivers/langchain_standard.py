"""LangChain's standard tests, run with pytest in LangChain's environment, against the places that `ANYAPI_TEST_PLACES` (JSON) names.

A few tests look for what a real model would say to their prompt. For these there are models that have rehearsed it (`REHEARSED`), each at a
place of its own. Images and documents are left to `langchain.py`: the standard tests fetch theirs from the network.
"""

import json
import os

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from tests.clients.drivers.scaffold import REACHED, Place

PLACES = {name: Place(**place) for name, place in json.loads(os.environ["ANYAPI_TEST_PLACES"]).items()}
REHEARSED = {
    "test_tool_calling": "magic",
    "test_tool_calling_async": "magic",
    "test_unicode_tool_call_integration": "customer",
    "test_agent_loop": "weather",
    "test_json_mode": "joke",
}


class Standard(ChatModelIntegrationTests):
    """What the simulated models can do."""

    flavour = "chat"
    place = PLACES["usual"]

    @pytest.fixture(autouse=True)
    def _at_its_place(self, request):
        self.place = PLACES[REHEARSED.get(request.node.originalname, "usual")]

    @pytest.fixture
    def model(self, request, _at_its_place):
        return self.chat_model_class(
            **{**self.standard_chat_model_params, **self.chat_model_params, **(getattr(request, "param", None) or {})}
        )

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "model": self.place.models[self.flavour],
            "base_url": self.place.openai,
            "api_key": self.place.key,
            "default_headers": self.place.headers,
            "max_retries": 0,
        }

    @property
    def supports_image_inputs(self):
        return False

    @property
    def supports_json_mode(self):
        return True

    @property
    def model_override_value(self):
        return self.place.models[f"other-{self.flavour}"]


class TestChat(Standard):
    """Chat completions. At an address that is not OpenAI's, LangChain asks for the usage of a stream only if it is told to."""

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "stream_usage": True}


class TestResponses(Standard):
    """Responses."""

    flavour = "responses"

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "use_responses_api": True}


class TestMessages(Standard):
    """Anthropic messages."""

    flavour = "messages"

    @property
    def chat_model_class(self):
        return ChatAnthropic

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "base_url": self.place.anthropic, "max_tokens": 500}

    @property
    def supports_json_mode(self):
        return False


class TestEmbeddings(EmbeddingsIntegrationTests):
    """Embeddings."""

    @property
    def embeddings_class(self):
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self):
        return {
            "model": PLACES["usual"].models["vectors"],
            "base_url": PLACES["usual"].openai,
            "api_key": PLACES["usual"].key,
            "default_headers": PLACES["usual"].headers,
            "check_embedding_ctx_length": False,
            "max_retries": 0,
        }


@pytest.fixture(scope="session", autouse=True)
def _only_loopback():
    yield
    assert REACHED == [], "a client tried to reach beyond loopback"
