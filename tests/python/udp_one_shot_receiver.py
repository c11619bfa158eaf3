"""Receives one UDP datagram, prints it, and answers nothing: udp_one_shot_receiver.py [PORT]"""

import socket
import sys


def main(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(15)
        print("listening on", receiver.getsockname()[1], flush=True)
        message, sender = receiver.recvfrom(1024)
        print(f"Received message: {message.decode('utf-8')} from {sender[0]}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
