"""Thanks every TCP client for the first thing it says, then closes, until it is ended."""

import socket


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        print("listening on", server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            with client:
                received = client.recv(1024)
                print("The received data is:", received.decode("utf-8").rstrip("\n"), flush=True)
                # No newline: that the connection ends is what tells the client where the reply ends.
                client.sendall("thank you !".encode("utf-8"))


if __name__ == "__main__":
    main()
