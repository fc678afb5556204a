"""Logs of every kind, written by librdkafka into topics that are there already.

  record_log.py plain BROKERS TOPIC COMPRESSION COUNT
  record_log.py transactions BROKERS TOPIC COUNT
"""

import random
import sys

from confluent_kafka import Producer

chance = random.Random(5)


def any_record(timestamp):
    """Keys and values null, empty, binary, text; headers doubled, empty, null."""
    key = chance.choice([None, b"", b"\x00\x00\x00\x00", b"key-%d" % chance.randrange(40), b"key-%d" % chance.randrange(40)])
    value = chance.choice([
        None,
        b"",
        chance.randbytes(chance.randrange(400)),
        ("wert ü€😀 " + "ab" * chance.randrange(120)).encode(),
        ("wert ü€😀 " + "cd" * chance.randrange(120)).encode(),
    ])
    headers = [
        (chance.choice(["a", "a", "trace", "größe", "x" * 200]), chance.choice([None, b"", chance.randbytes(20)]))
        for _ in range(max(0, chance.randrange(8) - 3))
    ]
    return {"key": key, "value": value, "headers": headers, "timestamp": timestamp - chance.randrange(100_000)}


def main():
    mode, brokers, topic = sys.argv[1:4]
    settings = {"bootstrap.servers": brokers, "linger.ms": 20, "enable.idempotence": True}
    now = 1_790_000_000_000
    if mode == "plain":
        compression, count = sys.argv[4], int(sys.argv[5])
        producer = Producer({**settings, "compression.type": compression})
        for i in range(count):
            producer.produce(topic, partition=0, **any_record(now))
            if i == count // 2:
                producer.produce(topic, chance.randbytes(200_000), b"noise", 0, timestamp=now)
                producer.produce(topic, b"lorem ipsum " * 17_000, b"text", 0, timestamp=now)
            if chance.randrange(60) == 0:
                producer.flush()
        producer.flush()
    else:
        producers = [
            Producer({**settings, "transactional.id": f"{topic}-{i}", "compression.type": compression})
            for i, compression in enumerate(["lz4", "snappy", "none"])
        ]
        for producer in producers:
            producer.init_transactions()
        working = set()
        for _ in range(int(sys.argv[4])):
            producer = chance.choice(producers)
            if producer not in working:
                producer.begin_transaction()
                working.add(producer)
            for _ in range(chance.randrange(5)):
                producer.produce(topic, partition=0, **any_record(now))
            producer.flush()
            if chance.randrange(2) == 0:
                continue
            working.remove(producer)
            (producer.abort_transaction if chance.randrange(5) < 2 else producer.commit_transaction)()
        for producer in working:
            producer.abort_transaction()


main()
