#!/usr/bin/env bash
# mcp 2.3.0: a tool's argument of type `str | None` that is sent as the text "null" arrives as None, and the text "[1]" is
# refused as a list, though the published schema allows any string; an argument of type `str` gets both as they are.
# A good guess would have been: a JSON string arrives as that string.
# Seen: str 'null' '[1]'; str | None None, refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0
seen=$("$folder/venv/bin/python" - 2>"$folder/log" <<'PY'
import asyncio

from mcp import Client
from mcp.server import MCPServer

server = MCPServer("example")


@server.tool()
def text(name: str) -> str:
    return repr(name)


@server.tool()
def optional(name: str | None = None) -> str:
    return repr(name)


async def main():
    async with Client(server) as client:
        schema = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}["optional"]
        assert {"type": "string"} in schema["properties"]["name"]["anyOf"]
        for tool in ("text", "optional"):
            for name in ("null", "[1]"):
                found = await client.call_tool(tool, {"name": name})
                print(tool, name, "refused" if found.is_error else found.content[0].text)


asyncio.run(main())
PY
)
echo "$seen"
[ "$seen" = "text null 'null'
text [1] '[1]'
optional null None
optional [1] refused" ]
