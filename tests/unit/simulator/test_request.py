from anyapi.simulator.request import Request


def test_the_last_header_and_parameter_win():
    request = Request("POST", "/x", "a=1&b=&a=%20two", [("one", "1"), ("one", "2")], b"")
    assert request.header() == {"one": "2"}
    assert (request.parameter("a"), request.parameter("b"), request.parameter("c")) == (" two", "", None)


def test_neither_content_nor_a_key_in_the_query_is_printed():
    assert repr(Request("POST", "/x", "key=secret", [("authorization", "secret")], b"secret")) == "<Request POST /x>"
