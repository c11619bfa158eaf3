"""A client of the QUIC performance protocol (draft-banks-quic-performance-00) by aioquic.

quic_perf.py PORT CA      asks for bytes on streams of both kinds, and prints how many came
"""

import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration

PATIENCE_SECONDS = 20
# Bytes asked for, and bytes sent with the request.
REQUESTS = [(0, 0), (1, 0), (500_000, 0), (1, 500_000)]


def request(wanted: int, more: int) -> bytes:
    return wanted.to_bytes(8, "big") + bytes(more)


async def client(port: int, ca: str) -> None:
    settings = QuicConfiguration(is_client=True, alpn_protocols=["perf"])
    settings.load_verify_locations(ca)
    settings.server_name = "localhost"
    answers: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()

    def protocol(*args, **kwargs) -> QuicConnectionProtocol:
        kwargs["stream_handler"] = lambda reader, writer: answers.put_nowait(reader)
        return QuicConnectionProtocol(*args, **kwargs)

    async with connect("127.0.0.1", port, configuration=settings, create_protocol=protocol) as quic:
        for wanted, more in REQUESTS:
            reader, writer = await quic.create_stream()
            writer.write(request(wanted, more))
            writer.write_eof()
            print("bidirectional:", len(await reader.read()), "of", wanted)
        _, writer = await quic.create_stream(is_unidirectional=True)
        writer.write(request(100_000, 10))
        writer.write_eof()
        reader = await answers.get()
        print("unidirectional:", len(await reader.read()), "of 100000")


def main(port: str, ca: str) -> None:
    asyncio.run(asyncio.wait_for(client(int(port), ca), PATIENCE_SECONDS))


if __name__ == "__main__":
    main(*sys.argv[1:])
