"""Greets whoever sends it a name by UDP, until it is ended."""

import socket


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        print("listening on", server.getsockname()[1], flush=True)
        while True:
            name, client = server.recvfrom(1024)
            print("Received from %s:%s." % client, flush=True)
            server.sendto(b"Hello, %s!" % name, client)


if __name__ == "__main__":
    main()
