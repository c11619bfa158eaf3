"""Says something by TCP and prints what one `recv` brings back: tcp_thanks_client.py PORT

What it says ends in no newline, and the connection stays open: a server must notice the silence.
"""

import socket
import sys


def main(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall("hello from a plain socket".encode("utf-8"))
        print(client.recv(1024).decode("utf-8").rstrip("\n"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
