"""Logs in at the broker, sends and receives; prints what it could do, or why not."""

import sys

from proton import ConnectionException, Message
from proton.utils import BlockingConnection, LinkDetached

url, user, password, queue = sys.argv[1:]
try:
    connection = BlockingConnection(
        url, timeout=10, user=user, password=password, allow_insecure_mechs=True
    )
except ConnectionException as refused:
    print("refused", "unauthorized-access" in str(refused))
    sys.exit()
try:
    connection.create_sender(queue).send(Message(body="one", durable=True))
    print("sent")
except LinkDetached as refused:
    print(refused.condition)
try:
    receiver = connection.create_receiver(queue)
    print("received", receiver.receive().body)
    receiver.accept()
except LinkDetached as refused:
    print(refused.condition)
connection.close()
