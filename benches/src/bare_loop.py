"""The loop with nothing around it: ask the model, run the command, send the output back.

No sandbox, no journal, no limits, no gates. Usage: bare_loop.py BASE_URL TASK
"""

import json
import subprocess
import sys
import urllib.request

TOOL = {
    "type": "function",
    "function": {
        "name": "run_command",
        "description": "Run a shell command.",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    },
}


def ask(base_url, messages):
    body = json.dumps({"model": "bench", "messages": messages, "tools": [TOOL]}).encode()
    request = urllib.request.Request(
        base_url + "/chat/completions", body, {"content-type": "application/json", "authorization": "Bearer bench"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]


def run(command):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    return json.dumps({"exit_code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})


def main():
    base_url, task = sys.argv[1:]
    messages = [{"role": "system", "content": "You change code."}, {"role": "user", "content": task}]
    while True:
        reply = ask(base_url, messages)
        messages.append(reply)
        for call in reply["tool_calls"]:
            if call["function"]["name"] == "finish":
                return
            output = run(json.loads(call["function"]["arguments"])["command"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": output})


main()
