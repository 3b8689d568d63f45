"""Sends an order every second with AMQP 1.0 (Debian: python3-qpid-proton).

When the node dies it goes on with the other one, and sends again what was not confirmed: such an order may come
twice, and none is lost.

    python3 send.py [HOST:PORT ...]
"""

import os
import sys

from proton import Message
from proton.handlers import MessagingHandler
from proton.reactor import Container

ADDRESSES = sys.argv[1:] or ["localhost:5672", "localhost:5673"]
INTERVAL_SECONDS = float(os.environ.get("INTERVAL_MS", 1000)) / 1000


class Sender(MessagingHandler):
    def __init__(self):
        super().__init__()
        self.is_connected = False
        self.number = 0
        self.waiting = []
        # Sent and not confirmed: orders by their deliveries.
        self.under_way = {}

    def on_start(self, event):
        connection = event.container.connect(urls=["amqp://" + address for address in ADDRESSES])
        self.sender = event.container.create_sender(connection, "python.orders")
        event.container.schedule(INTERVAL_SECONDS, self)

    def on_timer_task(self, event):
        self.number += 1
        self.waiting.append("order %d" % self.number)
        self.send_waiting()
        event.container.schedule(INTERVAL_SECONDS, self)

    def on_sendable(self, event):
        self.send_waiting()

    def send_waiting(self):
        while self.waiting and self.is_connected and self.sender.credit > 0:
            order = self.waiting.pop(0)
            # A message that is not durable would be gone with its node.
            delivery = self.sender.send(Message(body=order, durable=True))
            self.under_way[delivery] = order
            print("sent", order, flush=True)

    def on_accepted(self, event):
        print("confirmed", self.under_way.pop(event.delivery), flush=True)

    def on_rejected(self, event):
        print("refused", self.under_way.pop(event.delivery), flush=True)

    def on_connection_opened(self, event):
        print("connected to", event.connection.remote_container, flush=True)

    def on_link_opened(self, event):
        self.is_connected = True

    def on_disconnected(self, event):
        # The credit is that of the lost connection, and still there.
        self.is_connected = False
        # Proton would send by itself over the next one what it still had, and that twice then.
        for delivery in self.under_way:
            delivery.abort()
        self.waiting = list(self.under_way.values()) + self.waiting
        self.under_way = {}

    def on_transport_error(self, event):
        """A lost connection is not an error here: the next attempt goes to the other node."""


try:
    Container(Sender()).run()
except KeyboardInterrupt:
    pass
