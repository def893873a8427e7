#!/usr/bin/env python3
"""Git over HTTP for tests: git's own http-backend behind a loopback server.

Serves every repository below --root for clone, fetch and push (push where http.receivepack is on).
"""

import argparse
import http.server
import os
import subprocess
import urllib.parse


class GitHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root = ""

    def do_GET(self):
        self.run_backend(b"")

    def do_POST(self):
        self.run_backend(self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self.read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def read_chunk(self):
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def environment(self, body):
        path, _, query = self.path.partition("?")
        wanted = {
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": urllib.parse.unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_USER": "test",
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.environ.get("HOME", "/"),
        }
        for header, name in (("Content-Encoding", "HTTP_CONTENT_ENCODING"), ("Git-Protocol", "GIT_PROTOCOL")):
            if header in self.headers:
                wanted[name] = self.headers[header]
        return wanted

    def run_backend(self, body):
        answer = subprocess.run(
            ["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=self.environment(body), check=False
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n") if b": " in line]
        status = next((value for name, value in headers if name == "Status"), "200 OK" if headers else "500 Error")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name not in ("Status", "Content-Length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--root", required=True, help="the directory that holds the repositories")
    arguments.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    chosen = arguments.parse_args()
    GitHandler.root = os.path.abspath(chosen.root)
    http.server.ThreadingHTTPServer(("127.0.0.1", chosen.port), GitHandler).serve_forever()


if __name__ == "__main__":
    main()
