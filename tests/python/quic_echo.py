"""QUIC by aioquic, as a client and as a server.

quic_echo.py client PORT CA      echoes over a stream and over a DATAGRAM frame, and prints what came back
quic_echo.py client PORT CA KEYS the same, and writes the secrets to a key log
quic_echo.py rounds PORT CA N    echoes N times, each on a stream of its own after the one before, and prints the
                                 number of those that came back and the least milliseconds that one took
quic_echo.py server CERT KEY     echoes whatever streams and DATAGRAM frames bring, until it is ended
"""

import asyncio
import sys
import time
from contextlib import nullcontext
from typing import TextIO

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import DatagramFrameReceived, HandshakeCompleted, QuicEvent, StreamDataReceived

ALPN = ["wirelab"]
# Any larger than a UDP datagram: no limit of ours.
MAX_DATAGRAM_FRAME_BYTES = 65_536
PATIENCE_SECONDS = 10


def configuration(is_client: bool) -> QuicConfiguration:
    return QuicConfiguration(
        is_client=is_client, alpn_protocols=ALPN, max_datagram_frame_size=MAX_DATAGRAM_FRAME_BYTES
    )


class EchoClient(QuicConnectionProtocol):
    """Remembers the DATAGRAM frames and the protocol that was agreed on."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.datagrams: asyncio.Queue[bytes] = asyncio.Queue()
        self.alpn: str | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        super().quic_event_received(event)
        if isinstance(event, DatagramFrameReceived):
            self.datagrams.put_nowait(event.data)
        elif isinstance(event, HandshakeCompleted):
            self.alpn = event.alpn_protocol

    async def echo_on_a_stream(self, message: bytes) -> bytes:
        reader, writer = await self.create_stream()
        writer.write(message)
        # A finished stream is a whole message.
        writer.write_eof()
        return await reader.read()

    async def echo_in_a_datagram(self, message: bytes) -> bytes:
        self._quic.send_datagram_frame(message)
        self.transmit()
        return await self.datagrams.get()


class EchoServer(QuicConnectionProtocol):
    """Gives streams and DATAGRAM frames back as they are."""

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
        elif isinstance(event, DatagramFrameReceived):
            self._quic.send_datagram_frame(event.data)
        self.transmit()


def to_server(port: int, ca: str, keys: TextIO | None = None):
    settings = configuration(is_client=True)
    settings.secrets_log_file = keys
    settings.load_verify_locations(ca)
    settings.server_name = "localhost"
    return connect("127.0.0.1", port, configuration=settings, create_protocol=EchoClient)


async def client(port: int, ca: str, keys: TextIO | None = None) -> None:
    async with to_server(port, ca, keys) as quic:
        print("stream:", (await quic.echo_on_a_stream(b"over a stream")).decode("utf-8"))
        # More than one packet's worth, so that it is not one lucky frame.
        long = bytes(range(256)) * 64
        print("long stream:", "same" if await quic.echo_on_a_stream(long) == long else "different")
        print("datagram:", (await quic.echo_in_a_datagram(b"in a datagram")).decode("utf-8"))
        print("alpn:", quic.alpn)


async def rounds(port: int, ca: str, count: int) -> None:
    took = []
    async with to_server(port, ca) as quic:
        for number in range(count):
            message = number.to_bytes(4, "big") * 100
            start = time.monotonic()
            if await quic.echo_on_a_stream(message) == message:
                took.append((time.monotonic() - start) * 1000)
    print("echoes:", len(took))
    print("least milliseconds:", min(took))


async def server(certificate: str, key: str) -> None:
    settings = configuration(is_client=False)
    settings.load_cert_chain(certificate, key)
    # Not `aioquic.asyncio.serve`, which does not tell which port it was given.
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: QuicServer(configuration=settings, create_protocol=EchoServer), local_addr=("127.0.0.1", 0)
    )
    print("listening on", transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()


def main(role: str, *arguments: str) -> None:
    if role == "client":
        port, ca, *log = arguments
        with open(log[0], "w") if log else nullcontext() as keys:
            asyncio.run(asyncio.wait_for(client(int(port), ca, keys), PATIENCE_SECONDS))
    elif role == "rounds":
        port, ca, count = arguments
        asyncio.run(asyncio.wait_for(rounds(int(port), ca, int(count)), PATIENCE_SECONDS))
    elif role == "server":
        asyncio.run(server(*arguments))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
