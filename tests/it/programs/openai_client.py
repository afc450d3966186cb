"""OpenAI's own client talks to a running server. Arguments: base address, a good key, a poor key."""

import sys

import openai

BASE, KEY, POOR = sys.argv[1:]
client = openai.OpenAI(base_url=BASE, api_key=KEY)
HELLO = [{"role": "user", "content": "Hello?"}]


def refused(kind, act):
    try:
        act()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


ids = [model.id for model in client.models.list()]
assert {"house", "persona/ada"} <= set(ids), ids
assert client.models.retrieve("persona/ada").owned_by == "persona"
assert client.models.retrieve("house").id == "house"

said = client.chat.completions.create(model="house", messages=HELLO, max_completion_tokens=50, seed=7, user="u")
assert said.choices[0].message.content == "Hello from the model.", said
assert said.choices[0].finish_reason == "stop" and said.usage.total_tokens == 120, said

chunks = list(client.chat.completions.create(
    model="house", messages=HELLO, stream=True, stream_options={"include_usage": True}))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert text == "Hello from the model.", chunks
assert chunks[-1].usage.completion_tokens == 20, chunks[-1]

look = {"type": "function", "function": {
    "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}
called = client.chat.completions.create(model="house", messages=HELLO, tools=[look], tool_choice="auto")
call = called.choices[0].message.tool_calls[0]
assert called.choices[0].finish_reason == "tool_calls" and call.function.arguments == '{"at":"Oslo"}', called
answered = client.chat.completions.create(model="house", messages=[
    *HELLO, called.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"}])
assert answered.choices[0].message.content == "Hello from the model.", answered
with client.chat.completions.stream(model="house", messages=HELLO, tools=[look]) as stream:
    final = stream.get_final_completion()
assert final.choices[0].message.tool_calls[0].function.name == "look", final

made = client.embeddings.create(model="house", input=["one", "two"])
assert made.data[0].embedding == [1.0, 2.0] and made.usage.total_tokens == 7, made

ada = client.chat.completions.create(model="persona/ada", messages=HELLO)
assert ada.choices[0].message.content, ada
pieces = list(client.chat.completions.create(
    model="persona/ada", messages=HELLO, stream=True, stream_options={"include_usage": True}))
said = [piece.choices[0] for piece in pieces if piece.choices]
assert said[0].delta.role == "assistant" and said[-1].finish_reason == "stop", pieces
texts = [choice.delta.content for choice in said if choice.delta.content]
assert len(texts) > 1 and "Hello" in "".join(texts), texts
with client.chat.completions.stream(model="persona/ada", messages=HELLO) as stream:
    assert stream.get_final_completion().choices[0].message.content

stranger = openai.OpenAI(base_url=BASE, api_key="gk_nobody")
error = refused(openai.AuthenticationError, lambda: stranger.models.list())
assert error.code == "invalid_api_key", error
error = refused(openai.NotFoundError, lambda: client.chat.completions.create(model="nothing", messages=HELLO))
assert error.code == "model_not_found" and error.param == "model", error
picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/y.png"}}]}]
error = refused(openai.BadRequestError, lambda: client.chat.completions.create(model="house", messages=picture))
assert error.param == "messages[0].content", error

poor = openai.OpenAI(base_url=BASE, api_key=POOR)
error = refused(openai.RateLimitError, lambda: poor.chat.completions.create(model="house", messages=HELLO))
assert error.code == "insufficient_quota" and "key poor" in error.message, error
assert error.response.headers["x-should-retry"] == "false"

print("well")
