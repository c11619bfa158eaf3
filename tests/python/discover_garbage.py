# Answers each query of `wirelab discover` with garbage: what no server sends, and an answer to another query.
# The argument is the address of the interface to listen on.
import socket
import struct
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 9995))
group = socket.inet_aton("224.0.0.254") + socket.inet_aton(sys.argv[1])
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
print("ready", flush=True)
while True:
    query, peer = s.recvfrom(2000)
    nonce, instance = query[9:25], struct.pack("<Q", 666)
    head = b"wirelab!\x01" + nonce + instance
    for answer in [
        b"",
        b"\xff" * 1400,
        query,
        head,
        head + b"\xff" + b"a" * 70,
        head + b"\x04\xff\xff\xff\xff" + b"\x00\x00",
        head + b"\x01a\x01b\xff",
        b"wirelab!\x01" + bytes(16) + instance + b"\x05rogue\x01b\x00",
        b"wirelab!\x02" + nonce + instance + b"\x05newer\x01b\x00",
    ]:
        s.sendto(answer, peer)
