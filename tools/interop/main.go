// Command interop talks to the shop's topics with clients in Go, to see that they and the shop understand each other.
//
//	interop produce kafka-go|sarama|confluent PREFIX COUNT   writes orders PREFIX-0, PREFIX-1, … to orders-topic
//	interop consume TOPIC PREFIX COUNT                       prints that many records whose key begins with PREFIX
//
// KAFKA_BROKERS names the Kafka.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
	kafkago "github.com/segmentio/kafka-go"
)

const topic = "orders-topic"

var brokers = os.Getenv("KAFKA_BROKERS")

// An order as a plain tutorial writes it: no items, no headers.
type order struct {
	OrderID   string  `json:"order_id"`
	Customer  string  `json:"customer"`
	Amount    float64 `json:"amount"`
	Timestamp int64   `json:"timestamp"`
}

type record struct{ key, value []byte }

func main() {
	args := os.Args[1:]
	if len(args) != 4 {
		fail("usage: interop produce CLIENT PREFIX COUNT | consume TOPIC PREFIX COUNT")
	}
	count, err := strconv.Atoi(args[3])
	must(err)
	if args[0] == "consume" {
		consume(args[1], args[2], count)
		return
	}
	produce := map[string]func([]record){"kafka-go": withKafkaGo, "sarama": withSarama, "confluent": withConfluent}[args[1]]
	if produce == nil {
		fail("no client is called " + args[1])
	}
	produce(orders(args[2], count))
}

func orders(prefix string, count int) []record {
	records := make([]record, count)
	for i := range records {
		id := fmt.Sprintf("%s-%d", prefix, i)
		value, err := json.Marshal(order{id, "Gopher", 9.5, time.Now().Unix()})
		must(err)
		records[i] = record{[]byte(id), value}
	}
	return records
}

func withKafkaGo(records []record) {
	writer := &kafkago.Writer{Addr: kafkago.TCP(brokers), Topic: topic, Balancer: &kafkago.LeastBytes{}}
	messages := make([]kafkago.Message, len(records))
	for i, r := range records {
		messages[i] = kafkago.Message{Key: r.key, Value: r.value}
	}
	must(writer.WriteMessages(context.Background(), messages...))
	must(writer.Close())
}

func withSarama(records []record) {
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	producer, err := sarama.NewSyncProducer(strings.Split(brokers, ","), config)
	must(err)
	for _, r := range records {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Key: sarama.ByteEncoder(r.key), Value: sarama.ByteEncoder(r.value),
		})
		must(err)
	}
	must(producer.Close())
}

func withConfluent(records []record) {
	producer, err := kafka.NewProducer(&kafka.ConfigMap{"bootstrap.servers": brokers, "compression.type": "lz4"})
	must(err)
	name := topic
	delivered := make(chan kafka.Event, len(records))
	for _, r := range records {
		at := kafka.TopicPartition{Topic: &name, Partition: kafka.PartitionAny}
		must(producer.Produce(&kafka.Message{TopicPartition: at, Key: r.key, Value: r.value}, delivered))
	}
	for range records {
		must((<-delivered).(*kafka.Message).TopicPartition.Error)
	}
	producer.Close()
}

// consume reads as a group of one, from the beginning, and commits.
func consume(topic, prefix string, count int) {
	group := fmt.Sprintf("interop-%d", time.Now().UnixNano())
	reader := kafkago.NewReader(kafkago.ReaderConfig{
		Brokers: strings.Split(brokers, ","), GroupID: group, Topic: topic, StartOffset: kafkago.FirstOffset,
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := kafkago.DialContext(ctx, "tcp", strings.Split(brokers, ",")[0])
	must(err)
	list, err := connection.ReadPartitions(topic)
	must(err)
	partitions := make([]int, len(list))
	for i := range partitions {
		partitions[i] = i
	}
	for found := 0; found < count; {
		message, err := reader.ReadMessage(ctx)
		must(err)
		if !strings.HasPrefix(string(message.Key), prefix) {
			continue
		}
		found++
		headers := map[string]string{}
		for _, h := range message.Headers {
			headers[h.Key] = string(h.Value)
		}
		line, err := json.Marshal(map[string]any{
			"partition": message.Partition,
			"murmur2":   kafkago.Murmur2Balancer{Consistent: true}.Balance(message, partitions...),
			"key":       string(message.Key),
			"headers":   headers,
			"value":     json.RawMessage(message.Value),
		})
		must(err)
		fmt.Println(string(line))
	}
	must(reader.Close())
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "interop:", message)
	os.Exit(1)
}
