"""Runs one published client against a gateway and prints what it saw as JSON. Used by python-clients.test.ts."""
import json
import sys

client_name, url, model, key = sys.argv[1:]
seen = {}
messages = [{"role": "user", "content": "Say hello to me"}]
schema = {"type": "object", "properties": {"city": {"type": "string"}}}


def run_openai():
    import openai

    client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    seen["models"] = [m.id for m in client.models.list()]
    answer = client.chat.completions.create(model=model, messages=messages, max_tokens=20)
    seen["chat"] = answer.choices[0].message.content
    seen["usage"] = answer.usage.total_tokens
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=20, stream=True)
    seen["stream"] = [c.choices[0].delta.content for c in stream if c.choices and c.choices[0].delta.content]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
    called = client.chat.completions.create(model=model, messages=messages, max_tokens=20, tools=tools)
    seen["tools"] = [[c.function.name, c.function.arguments] for c in called.choices[0].message.tool_calls]
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=20, tools=tools, stream=True)
    seen["streamed_tools"] = "".join(
        t.function.arguments for c in stream if c.choices for t in (c.choices[0].delta.tool_calls or [])
    )
    seen["completion"] = client.completions.create(model=model, prompt="Say hello to me").choices[0].text
    seen["embedding"] = [e.embedding for e in client.embeddings.create(model=model, input=["four", "seven77"]).data]
    seen["response"] = client.responses.create(model=model, input="Say hello to me", max_output_tokens=20).output_text
    events = [e.type for e in client.responses.create(model=model, input="Say hello", max_output_tokens=20, stream=True)]
    seen["response_events"] = [events[0], events[-1]]
    for name, error, ask in (
        ("not_found", openai.NotFoundError, lambda: client.chat.completions.create(model="no/model", messages=messages)),
        ("bad_request", openai.BadRequestError, lambda: client.chat.completions.create(model=model, messages=messages, store=True)),
        (
            "unauthorized",
            openai.AuthenticationError,
            lambda: openai.OpenAI(base_url=url + "/v1", api_key="sk-no", max_retries=0).chat.completions.create(model=model, messages=messages),
        ),
    ):
        try:
            ask()
        except error as raised:
            seen[name] = raised.code


def run_anthropic():
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
    message = client.messages.create(model=model, max_tokens=20, messages=messages)
    seen["message"] = message.content[0].text
    seen["stop_reason"] = message.stop_reason
    with client.messages.stream(model=model, max_tokens=20, messages=messages) as stream:
        seen["stream"] = list(stream.text_stream)
        seen["final"] = stream.get_final_message().content[0].text
    tools = [{"name": "weather", "input_schema": schema}]
    called = client.messages.create(model=model, max_tokens=20, messages=messages, tools=tools)
    seen["tools"] = [[b.name, b.input] for b in called.content if b.type == "tool_use"]
    with client.messages.stream(model=model, max_tokens=20, messages=messages, tools=tools) as stream:
        seen["streamed_tools"] = [[b.name, b.input] for b in stream.get_final_message().content if b.type == "tool_use"]
    seen["count"] = client.messages.count_tokens(model=model, messages=messages).input_tokens
    for name, error, ask in (
        ("not_found", anthropic.NotFoundError, lambda: client.messages.create(model="no/model", max_tokens=5, messages=messages)),
        (
            "unauthorized",
            anthropic.AuthenticationError,
            lambda: anthropic.Anthropic(base_url=url, api_key="sk-no", max_retries=0).messages.create(model=model, max_tokens=5, messages=messages),
        ),
    ):
        try:
            ask()
        except error as raised:
            seen[name] = raised.body["error"]["code"]


{"openai": run_openai, "anthropic": run_anthropic}[client_name]()
print(json.dumps(seen))
