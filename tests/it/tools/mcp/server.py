"""A server of tools for tests, in nothing but the standard library. What it offers stands in `tools.json` beside it, and
is read anew for every list: tools, or with `again` one page of them that never is the last."""

import json
import os
import sys


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(said, failed=False):
    return {"content": [{"type": "text", "text": said}], "isError": failed}


def call(name, arguments):
    if name == "look":
        return text(json.dumps({
            "calls": calls,
            "said": arguments.get("text"),
            "environment": sorted(os.environ),
            "workspace": sorted(os.listdir("/workspace")),
            "networks": [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]],
        }))
    if name == "sum":
        return {"content": [], "structuredContent": {"sum": sum(arguments["numbers"])}}
    if name == "flood":
        return text("x" * (10 << 20))
    if name == "long":
        return text("y" * (2 << 20))
    if name == "fail":
        return text("out of ink", failed=True)
    if name == "die":
        print("the paper is on fire", file=sys.stderr, flush=True)
        os._exit(3)
    return None


calls = 0
for line in sys.stdin:
    asked = json.loads(line)
    number, method = asked.get("id"), asked.get("method")
    calls += method == "tools/call"
    if method == "initialize":
        send({"id": number, "result": {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "for tests", "version": "1"},
        }})
    elif method == "tools/list":
        with open("/tool/tools.json") as file:
            offered = json.load(file)
        if isinstance(offered, dict):
            send({"id": number, "result": {"tools": offered["again"], "nextCursor": "more"}})
        else:
            send({"id": number, "result": {"tools": offered}})
    elif method == "tools/call" and asked["params"]["name"] == "hang":
        with open("/workspace/bell", "w") as bell:
            bell.write("!")
    elif method == "tools/call":
        send({"id": number, "result": call(asked["params"]["name"], asked["params"].get("arguments", {}))})
    elif number is not None and method is not None:
        send({"id": number, "error": {"code": -32601, "message": "what?"}})
