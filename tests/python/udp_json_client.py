"""Sends good and malformed JSON by UDP and checks what is said of each: udp_json_client.py PORT

Prints a line per request; fails when an answer is missing or is not what the protocol says.
"""

import json
import socket
import sys
from datetime import datetime

GOOD = ({"sensor": 7, "celsius": 21.5}, [1, 2, 3], "text with ü", None)
# Each with the line on which a parser must trip.
MALFORMED = ((b'{"sensor": }', 1), (b'{"a": 1,\n "b" 2}', 2), (b"", 1))


def ask(client: socket.socket, request: bytes) -> dict:
    client.send(request)
    try:
        return json.loads(client.recv(65_535).decode("utf-8"))
    except socket.timeout:
        sys.exit(f"no answer to {request!r}")
    except json.JSONDecodeError as error:
        sys.exit(f"the answer to {request!r} is no JSON: {error}")


def require(holds: bool, request: object, reply: dict) -> None:
    if not holds:
        sys.exit(f"the answer to {request!r} is wrong: {reply!r}")


def main(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(5)
        for value in GOOD:
            reply = ask(client, json.dumps(value).encode("utf-8"))
            require(reply["status"] == "ok" and reply["value"] == value, value, reply)
            # Python before 3.11 reads neither a `Z` nor nine digits of a second.
            datetime.strptime(reply["received"][:19], "%Y-%m-%dT%H:%M:%S")
            print("ok")
        for request, line in MALFORMED:
            reply = ask(client, request)
            require(reply["status"] == "error" and bool(reply["error"]), request, reply)
            require(reply["line"] == line and isinstance(reply["column"], int), request, reply)
            print("error on line", reply["line"])
        # What was malformed has not ended the service.
        reply = ask(client, b"true")
        require(reply["status"] == "ok" and reply["value"] is True, True, reply)
        print("still serving")


if __name__ == "__main__":
    main(int(sys.argv[1]))
