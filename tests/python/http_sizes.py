"""A web server whose path is the size of the answer: /5000 has 5,000 bytes. It keeps connections open."""

import http.server
import os
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # One write for the header and the body, as other web servers do.
    wbufsize = -1

    def do_GET(self):
        size = int(self.path.lstrip("/"))
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(bytes(size))

    def log_message(self, *_):
        pass


address = (os.environ.get("WIRELAB_SERVER", "127.0.0.1"), int(sys.argv[1]))
server = http.server.ThreadingHTTPServer(address, Handler)
# As in the other experiment, whatever the machine's default is. Connections inherit it.
server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
server.serve_forever()
