"""The official client of MCP talks to a running server. Arguments: address, token."""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ADDRESS, TOKEN = sys.argv[1:]
OVER = ["done", "failed", "unconfirmed", "cancelled"]


def connected(token):
    return httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)


async def works(http):
    async with Client(streamable_http_client(ADDRESS, http_client=http)) as client:
        assert client.server_info.name == "greenroom", client.server_info
        assert client.protocol_version == "2025-11-25", client.protocol_version
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"list_personas", "give_goal", "goal_status", "read_receipts", "verify_receipts"}, tools
        assert tools["give_goal"].input_schema["required"] == ["persona"], tools["give_goal"]
        assert tools["read_receipts"].annotations.read_only_hint, tools["read_receipts"]

        async def call(name, **arguments):
            return await client.call_tool(name, arguments)

        personas = (await call("list_personas")).structured_content["personas"]
        assert [persona["slug"] for persona in personas] == ["ada"], personas
        given = await call("give_goal", persona="ada", kind="ai", payload={"prompt": "Write a line."})
        goal = given.structured_content["goal"]
        async with asyncio.timeout(60):
            while goal["state"] not in OVER:
                goal = (await call("goal_status", goal=goal["id"])).structured_content["goal"]
        assert goal["state"] == "done", goal
        receipts = (await call("read_receipts", persona="ada", goal=goal["id"])).structured_content["receipts"]
        assert any(receipt["kind"] == "llm" for receipt in receipts), receipts
        proof = (await call("verify_receipts", persona="ada")).structured_content
        assert proof["ok"] and proof["receipts"] >= len(receipts), proof
        refused = await call("give_goal", persona="nobody", task="Anything.")
        assert refused.is_error and "nobody" in refused.content[0].text, refused


async def is_refused(http):
    try:
        async with Client(streamable_http_client(ADDRESS, http_client=http)) as client:
            await client.list_tools()
    except BaseException:
        return True
    return False


async def main():
    async with connected(TOKEN) as http:
        await works(http)
    async with connected("gr_nobody") as http:
        assert await is_refused(http)
    print("well")


asyncio.run(main())
