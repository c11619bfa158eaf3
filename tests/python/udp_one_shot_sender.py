"""Sends one UDP datagram and does not wait for an answer: udp_one_shot_sender.py PORT [MESSAGE]"""

import socket
import sys


def main(port: int, message: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.encode("utf-8"), ("127.0.0.1", port))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "Hello server!")
