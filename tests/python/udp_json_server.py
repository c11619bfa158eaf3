"""Answers a JSON value by UDP with a JSON object, and a malformed one with what is wrong with it, until it is ended."""

import json
import socket
from datetime import datetime, timezone


def reply_to(request: bytes) -> dict:
    try:
        value = json.loads(request.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {"status": "error", "error": f"not UTF-8: {error.reason}"}
    except json.JSONDecodeError as error:
        return {"status": "error", "error": error.msg, "line": error.lineno, "column": error.colno}
    return {"status": "ok", "value": value, "received": datetime.now(timezone.utc).isoformat()}


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        # So that an idle server still gets to notice that it should end.
        server.settimeout(1)
        print("listening on", server.getsockname()[1], flush=True)
        while True:
            try:
                request, client = server.recvfrom(65_535)
            except socket.timeout:
                continue
            try:
                server.sendto(json.dumps(reply_to(request)).encode("utf-8"), client)
            except OSError as error:
                print(f"cannot answer {client[0]}: {error}", flush=True)


if __name__ == "__main__":
    main()
