import java.io.BufferedWriter;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Logs of every kind, written and read by Kafka's own client.
 *
 *   plain BROKERS TOPIC COMPRESSION COUNT         records of all shapes (from 100 on also two of 200 kB); more than one
 *                                                 COMPRESSION: with commas between
 *   transactions BROKERS TOPIC COUNT              four transactional producers and a plain one take turns
 *   compacted BROKERS TOPIC COMPRESSION RETENTION keys over and over, tombstones, markers; ends when the log is compacted
 *   dump BROKERS TOPIC...                         every committed record as a line, then "TOPIC PARTITION end POSITION"
 *
 * plain creates TOPIC with LogAppendTime where its name ends in "-append". Several commands with "+" between run at once.
 */
public class RecordLogs {
  static final HexFormat hex = HexFormat.of();

  public static void main(String[] args) throws Exception {
    List<CompletableFuture<Void>> running = new ArrayList<>();
    List<String> command = new ArrayList<>();
    for (int i = 0; i <= args.length; i++) {
      if (i < args.length && !args[i].equals("+")) command.add(args[i]);
      else {
        List<String> one = List.copyOf(command);
        command.clear();
        running.add(CompletableFuture.runAsync(() -> {
          try {
            run(one);
          } catch (Exception failure) {
            throw new RuntimeException(failure);
          }
        }, task -> new Thread(task).start()));
      }
    }
    for (var one : running) one.get();
  }

  static void run(List<String> args) throws Exception {
    String brokers = args.get(1);
    switch (args.get(0)) {
      case "plain" -> plain(brokers, args.get(2), args.get(3).split(","), Integer.parseInt(args.get(4)));
      case "transactions" -> transactions(brokers, args.get(2), Integer.parseInt(args.get(3)));
      case "compacted" -> compacted(brokers, args.get(2), args.get(3), args.get(4));
      case "dump" -> dump(brokers, args.subList(2, args.size()));
      default -> throw new IllegalArgumentException(args.get(0));
    }
  }

  static KafkaProducer<byte[], byte[]> producer(String brokers, String... settings) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    properties.put("linger.ms", "20");
    for (int i = 0; i < settings.length; i += 2) properties.put(settings[i], settings[i + 1]);
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static void create(Admin admin, String topic, int partitions, Map<String, String> configs) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A record of any shape: keys and values null, empty, binary, text; headers doubled, empty, null. */
  static ProducerRecord<byte[], byte[]> anyRecord(Random random, String topic, Integer partition, long time) {
    byte[] key = switch (random.nextInt(6)) {
      case 0 -> null;
      case 1 -> new byte[0];
      case 2 -> new byte[] {0, 0, 0, (byte) random.nextInt(2)};
      default -> bytes("key-" + random.nextInt(40));
    };
    byte[] value = switch (random.nextInt(8)) {
      case 0 -> null;
      case 1 -> new byte[0];
      case 2 -> noise(random, random.nextInt(400));
      default -> bytes("wert ü€😀 " + "ab".repeat(random.nextInt(120)) + random.nextInt());
    };
    ProducerRecord<byte[], byte[]> made = new ProducerRecord<>(topic, partition, time, key, value);
    for (int i = random.nextInt(8) - 3; i > 0; i--) {
      String name = List.of("a", "a", "trace", "", "größe", "x".repeat(200)).get(random.nextInt(6));
      byte[] content = switch (random.nextInt(4)) {
        case 0 -> null;
        case 1 -> new byte[0];
        default -> noise(random, random.nextInt(30));
      };
      made.headers().add(new RecordHeader(name, content));
    }
    return made;
  }

  static byte[] noise(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  static void plain(String brokers, String topic, String[] compressions, int count) throws Exception {
    Random random = new Random(count);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      create(admin, topic, 1, Map.of("message.timestamp.type", topic.endsWith("-append") ? "LogAppendTime" : "CreateTime"));
    }
    long now = System.currentTimeMillis();
    for (String compression : compressions) {
      try (var producer = producer(brokers, "compression.type", compression)) {
        for (int i = 0; i < count; i++) {
          // Times go up and down, also before the batch's first one.
          producer.send(anyRecord(random, topic, 0, now - random.nextInt(100_000)));
          if (i == count / 2 && count >= 100) {
            producer.send(new ProducerRecord<>(topic, 0, now, bytes("noise"), noise(random, 200_000)));
            producer.send(new ProducerRecord<>(topic, 0, now, bytes("text"), bytes("lorem ipsum ".repeat(17_000))));
          }
          if (random.nextInt(60) == 0) producer.flush();
        }
      }
    }
  }

  static void transactions(String brokers, String topic, int count) throws Exception {
    Random random = new Random(7);
    String[] compressions = {"none", "lz4", "zstd", "gzip"};
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      create(admin, topic, 2, Map.of());
    }
    List<KafkaProducer<byte[], byte[]>> writers = new ArrayList<>();
    boolean[] open = new boolean[compressions.length];
    for (int i = 0; i < compressions.length; i++) {
      writers.add(producer(brokers, "transactional.id", topic + "-" + i, "compression.type", compressions[i],
          "transaction.timeout.ms", "600000"));
      writers.get(i).initTransactions();
    }
    try (var bystander = producer(brokers)) {
      for (int ended = 0; ended < count;) {
        int who = random.nextInt(compressions.length);
        var writer = writers.get(who);
        if (!open[who]) writer.beginTransaction();
        open[who] = true;
        for (int i = random.nextInt(5); i > 0; i--) {
          writer.send(anyRecord(random, topic, random.nextInt(2), System.currentTimeMillis()));
        }
        writer.flush();
        if (random.nextInt(3) == 0) bystander.send(anyRecord(random, topic, random.nextInt(2), System.currentTimeMillis()));
        if (random.nextInt(2) > 0) continue;
        if (random.nextInt(5) < 2) writer.abortTransaction();
        else writer.commitTransaction();
        open[who] = false;
        ended++;
      }
    }
    // One stays open: what comes after its beginning is not to be seen yet.
    if (!open[0]) writers.get(0).beginTransaction();
    for (int p = 0; p < 2; p++) writers.get(0).send(new ProducerRecord<>(topic, p, bytes("open"), bytes("open"))).get();
    for (int i = 1; i < compressions.length; i++) {
      if (!open[i]) writers.get(i).beginTransaction();
      for (int p = 0; p < 2; p++) writers.get(i).send(new ProducerRecord<>(topic, p, bytes("late"), bytes("late")));
      writers.get(i).commitTransaction();
    }
    for (var writer : writers) writer.close(Duration.ZERO); // without ending what is open
  }

  static void compacted(String brokers, String topic, String compression, String retention) throws Exception {
    Random random = new Random(11);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      ConfigResource cluster = new ConfigResource(ConfigResource.Type.BROKER, "");
      set(admin, cluster, "log.cleaner.backoff.ms", "100");
      create(admin, topic, 1, Map.of("cleanup.policy", "compact", "segment.ms", "1000", "min.cleanable.dirty.ratio", "0.001",
          "delete.retention.ms", retention));
      // Segments are rolled by the records' own times, so a leap of them makes a segment that may be compacted. Markers
      // have the present time.
      long time = System.currentTimeMillis();
      for (int round = 0; round < 8; round++) {
        boolean transactional = round % 3 == 1;
        try (var producer = transactional
            ? producer(brokers, "compression.type", compression, "transactional.id", topic + "-" + round)
            : producer(brokers, "compression.type", compression)) {
          if (transactional) producer.initTransactions();
          for (int part = 0; part < 4; part++) {
            if (transactional) producer.beginTransaction();
            for (int i = 0; i < 12; i++) {
              byte[] key = bytes("key-" + random.nextInt(30));
              byte[] value = random.nextInt(6) == 0 ? null : bytes("value " + round + " " + part + " " + i);
              producer.send(new ProducerRecord<>(topic, 0, time + i, key, value));
            }
            producer.flush();
            if (transactional && part % 2 == 0) producer.abortTransaction();
            else if (transactional) producer.commitTransaction();
          }
        }
        time += 60_000;
      }
      try (var producer = producer(brokers)) {
        producer.send(new ProducerRecord<>(topic, 0, time, bytes("last"), bytes("value"))).get();
      }
      int written = 0;
      for (long deadline = System.currentTimeMillis() + 30_000;;) {
        int found = count(brokers, topic);
        // 8 rounds of 48 on 30 keys, some of them of aborted transactions: each key once or not at all.
        if (written == found && found <= 31) break;
        if (System.currentTimeMillis() > deadline) throw new Exception(topic + ": not compacted, still " + found);
        written = found;
        Thread.sleep(400);
      }
      // From now on it stays as it is.
      set(admin, new ConfigResource(ConfigResource.Type.TOPIC, topic), "retention.ms", "-1", "cleanup.policy", "delete");
      admin.incrementalAlterConfigs(Map.of(cluster, List.of(
          new AlterConfigOp(new ConfigEntry("log.cleaner.backoff.ms", ""), AlterConfigOp.OpType.DELETE)))).all().get();
    }
  }

  static void set(Admin admin, ConfigResource where, String... settings) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    for (int i = 0; i < settings.length; i += 2) {
      changes.add(new AlterConfigOp(new ConfigEntry(settings[i], settings[i + 1]), AlterConfigOp.OpType.SET));
    }
    admin.incrementalAlterConfigs(Map.of(where, (Collection<AlterConfigOp>) changes)).all().get();
  }

  interface Visitor {
    void see(ConsumerRecord<byte[], byte[]> found) throws Exception;
  }

  static int count(String brokers, String topic) throws Exception {
    int[] count = {0};
    read(brokers, topic, found -> count[0]++);
    return count[0];
  }

  /** Reads each partition up to its last stable offset; answers the positions at the end. */
  static Map<TopicPartition, Long> read(String brokers, String topic, Visitor visitor) throws Exception {
    Map<String, Object> settings = Map.of("bootstrap.servers", brokers, "isolation.level", "read_committed",
        "check.crcs", "true", "auto.offset.reset", "earliest", "enable.auto.commit", "false",
        "allow.auto.create.topics", "false");
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = new ArrayList<>();
      consumer.partitionsFor(topic).forEach(found -> all.add(new TopicPartition(topic, found.partition())));
      consumer.assign(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      for (TopicPartition one : all) {
        consumer.assign(List.of(one));
        consumer.seekToBeginning(List.of(one));
        while (consumer.position(one) < ends.get(one)) {
          for (var found : consumer.poll(Duration.ofMillis(200))) visitor.see(found);
        }
        ends.put(one, consumer.position(one));
      }
      return ends;
    }
  }

  static void dump(String brokers, List<String> topics) throws Exception {
    BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), 1 << 16);
    for (String topic : topics) {
      Map<TopicPartition, Long> ends = read(brokers, topic, found -> {
        out.write(topic + " " + found.partition() + " " + found.offset() + " " + found.timestamp() + " "
            + text(found.key()) + " " + text(found.value()));
        for (var header : found.headers()) out.write(" " + text(bytes(header.key())) + "=" + text(header.value()));
        out.write("\n");
      });
      for (var end : ends.entrySet()) out.write(topic + " " + end.getKey().partition() + " end " + end.getValue() + "\n");
    }
    out.flush();
  }

  static String text(byte[] bytes) {
    return bytes == null ? "null" : hex.formatHex(bytes);
  }
}
