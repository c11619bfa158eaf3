"""Sends three names by UDP from one socket and prints what comes back: udp_hello_client.py PORT"""

import socket
import sys

NAMES = (b"Michael", b"Tracy", b"Sarah")


def main(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        for name in NAMES:
            client.sendto(name, ("127.0.0.1", port))
            print(client.recv(1024).decode("utf-8"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
