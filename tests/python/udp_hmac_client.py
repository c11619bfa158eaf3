"""Sends a message by signed UDP and prints the verified reply: udp_hmac_client.py PORT KEYFILE MESSAGE"""

import hmac, os, socket, sys, time

port, key_file, message = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
key = bytes.fromhex(open(key_file).read())
sender = bytes([os.urandom(1)[0] & 0x7F]) + os.urandom(7)
body = message + sender + time.time_ns().to_bytes(8, "big")
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(5)
client.sendto(body + hmac.digest(key, body, "sha256"), ("127.0.0.1", port))
reply = client.recv(65535)
assert hmac.compare_digest(hmac.digest(key, reply[:-32], "sha256"), reply[-32:]), "wrong signature"
assert reply[-48:-40] == bytes([sender[0] | 0x80]) + sender[1:], "for another client"
print(reply[:-48].decode())
