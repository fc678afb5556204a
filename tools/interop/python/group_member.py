"""Members of consumer groups on librdkafka (by confluent-kafka), told by lines what to do; as java/GroupMember.java."""
import sys
import threading
import time

from confluent_kafka import Consumer

printing = threading.Lock()


def say(what, name, partitions=()):
    words = [what, name, str(int(time.time() * 1000)), *(f"{each.topic}/{each.partition}" for each in partitions)]
    with printing:
        print(" ".join(words), flush=True)


class Member(threading.Thread):
    def __init__(self, brokers, name, group, assignors, topics, instance_id=None):
        super().__init__(daemon=True)
        self.name, self.topics, self.leaving = name, topics.split(","), False
        self.settings = {
            "bootstrap.servers": brokers,
            "client.id": name,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        if assignors == "consumer":
            self.settings["group.protocol"] = "consumer"
        else:
            self.settings["partition.assignment.strategy"] = assignors
            self.settings["session.timeout.ms"] = 6_000
            self.settings["heartbeat.interval.ms"] = 100
        if instance_id:
            self.settings["group.instance.id"] = instance_id

    def run(self):
        consumer = Consumer(self.settings)
        consumer.subscribe(
            self.topics,
            on_assign=lambda _, partitions: say("assigned", self.name, partitions),
            on_revoke=lambda _, partitions: say("revoked", self.name, partitions),
            on_lost=lambda _, partitions: say("lost", self.name, partitions),
        )
        while not self.leaving:
            consumer.poll(0.02)
        consumer.close()
        say("stopped", self.name)


def main():
    members = {}
    for line in sys.stdin:
        command, name, *rest = line.split()
        if command == "start":
            members[name] = Member(sys.argv[1], name, *rest)
            members[name].start()
        elif command == "stop":
            members.pop(name).leaving = True


main()
