// Members of consumer groups on Kafka's own client, told by lines what to do:
//   start <name> <group> <assignor> <topic,topic> [instance id]   joins; the assignors by the names of the protocol, joined by commas,
//                                                                   or "consumer": the protocol where the brokers share out
//   stop <name>                                                     leaves
// What happens is printed, with milliseconds since 1970, a line each:
//   assigned|revoked|lost <name> <time> [topic/partition …]    stopped <name> <time>
// The end of the input ends everything.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class GroupMember implements Runnable, ConsumerRebalanceListener {
  static final Map<String, String> ASSIGNORS = Map.of(
      "cooperative-sticky", "CooperativeStickyAssignor",
      "range", "RangeAssignor",
      "roundrobin", "RoundRobinAssignor");

  final String name;
  final List<String> topics;
  final Map<String, Object> settings = new HashMap<>();
  volatile boolean leaving = false;

  GroupMember(String brokers, String[] words) {
    name = words[1];
    topics = Arrays.asList(words[4].split(","));
    settings.put("bootstrap.servers", brokers);
    settings.put("client.id", name);
    settings.put("group.id", words[2]);
    if (words[3].equals("consumer")) {
      settings.put("group.protocol", "consumer");
    } else {
      settings.put("partition.assignment.strategy", Arrays.stream(words[3].split(","))
          .map(assignor -> "org.apache.kafka.clients.consumer." + ASSIGNORS.get(assignor))
          .collect(Collectors.toList()));
      settings.put("session.timeout.ms", 6_000);
      settings.put("heartbeat.interval.ms", 100);
    }
    if (words.length > 5) settings.put("group.instance.id", words[5]);
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.put("key.deserializer", ByteArrayDeserializer.class);
    settings.put("value.deserializer", ByteArrayDeserializer.class);
  }

  @Override
  public void run() {
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
      consumer.subscribe(topics, this);
      while (!leaving) consumer.poll(Duration.ofMillis(20));
    }
    say("stopped", List.of());
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
    say("assigned", partitions);
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
    say("revoked", partitions);
  }

  @Override
  public void onPartitionsLost(Collection<TopicPartition> partitions) {
    say("lost", partitions);
  }

  void say(String what, Collection<TopicPartition> partitions) {
    StringBuilder line = new StringBuilder(what + " " + name + " " + System.currentTimeMillis());
    for (TopicPartition each : partitions) line.append(" ").append(each.topic()).append("/").append(each.partition());
    synchronized (System.out) {
      System.out.println(line);
      System.out.flush();
    }
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, GroupMember> members = new HashMap<>();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.trim().split(" ");
      if (words[0].equals("start")) {
        GroupMember member = new GroupMember(arguments[0], words);
        members.put(member.name, member);
        new Thread(member, member.name).start();
      } else if (words[0].equals("stop")) {
        members.remove(words[1]).leaving = true;
      }
    }
    System.exit(0);
  }
}
