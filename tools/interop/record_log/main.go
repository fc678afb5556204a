// Command record_log writes records of every shape with kafka-go into a topic that is there already.
//
//	record_log BROKERS TOPIC COMPRESSION COUNT
package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

var compressions = map[string]kafka.Compression{
	"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

func main() {
	brokers, topic, compression := os.Args[1], os.Args[2], compressions[os.Args[3]]
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	random := rand.New(rand.NewSource(int64(count)))
	writer := &kafka.Writer{
		Addr: kafka.TCP(strings.Split(brokers, ",")...), Topic: topic, Compression: compression, BatchSize: 50,
		BatchTimeout: 10 * time.Millisecond, RequiredAcks: kafka.RequireAll,
	}
	now := time.UnixMilli(1_790_000_000_000)
	var messages []kafka.Message
	for i := 0; i < count; i++ {
		messages = append(messages, anyMessage(random, now))
		if i == count/2 {
			messages = append(messages, kafka.Message{Key: []byte("noise"), Value: noise(random, 200_000), Time: now},
				kafka.Message{Key: []byte("text"), Value: []byte(strings.Repeat("lorem ipsum ", 17_000)), Time: now})
		}
	}
	must(writer.WriteMessages(context.Background(), messages...))
	must(writer.Close())
}

// anyMessage has keys and values null, empty, binary, text; headers doubled and empty.
func anyMessage(random *rand.Rand, now time.Time) kafka.Message {
	contents := [][]byte{
		nil, {}, {0, 0, 0, 0}, noise(random, random.Intn(400)),
		[]byte("wert ü€😀 " + strings.Repeat("ab", random.Intn(120))), []byte(fmt.Sprintf("key-%d", random.Intn(40))),
	}
	message := kafka.Message{
		Key: contents[random.Intn(6)], Value: contents[random.Intn(6)],
		Time: now.Add(-time.Duration(random.Intn(100_000)) * time.Millisecond),
	}
	for i := random.Intn(8) - 3; i > 0; i-- {
		name := []string{"a", "a", "trace", "", "größe", strings.Repeat("x", 200)}[random.Intn(6)]
		message.Headers = append(message.Headers, kafka.Header{Key: name, Value: contents[random.Intn(6)]})
	}
	return message
}

func noise(random *rand.Rand, length int) []byte {
	bytes := make([]byte, length)
	random.Read(bytes)
	return bytes
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "record_log:", err)
		os.Exit(1)
	}
}
