import javax.jms.BytesMessage;
import javax.jms.CompletionListener;
import javax.jms.Connection;
import javax.jms.DeliveryMode;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageProducer;
import javax.jms.Queue;
import javax.jms.Session;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * The throughput scenario as a JMS application writes it: asynchronous sends with a window, listeners that
 * acknowledge by themselves. Prints `CONFIRMED CONSUMED` several times a second; when its input ends it
 * sends nothing more, waits for what is under way, and prints `end`, what it counted, and goes.
 */
public class JmsLoad {
  private static final long REPORT_INTERVAL_MS = 100;
  /** Nothing came for so long: nothing will. */
  private static final long IDLE_LIMIT_MS = 10_000;

  private static final LongAdder consumed = new LongAdder();
  private static final LongAdder duplicates = new LongAdder();
  private static final LongAdder invented = new LongAdder();
  private static volatile boolean stopping = false;

  /** One producer: its thread, its window, and which of its messages arrived. */
  private static final class Producer implements CompletionListener {
    final int number;
    final int windowSize;
    final Semaphore window;
    final BitSet received = new BitSet();
    final AtomicLong confirmed = new AtomicLong();
    volatile long sent = 0;
    volatile Exception failure;

    Producer(int number, int windowSize) {
      this.number = number;
      this.windowSize = windowSize;
      this.window = new Semaphore(windowSize);
    }

    void send(Connection connection, String queueName, int bodyBytes) throws Exception {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Queue queue = session.createQueue(queueName);
      MessageProducer producer = session.createProducer(queue);
      producer.setDeliveryMode(DeliveryMode.PERSISTENT);
      byte[] body = "x".repeat(bodyBytes).getBytes(StandardCharsets.US_ASCII);
      while (!stopping) {
        window.acquire();
        byte[] identity =
            String.format("%04d:%010d:", number, sent).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(identity, 0, body, 0, identity.length);
        sent += 1;
        BytesMessage message = session.createBytesMessage();
        message.writeBytes(body);
        producer.send(message, this);
      }
      window.acquire(windowSize);
    }

    @Override
    public void onCompletion(Message message) {
      confirmed.incrementAndGet();
      window.release();
    }

    @Override
    public void onException(Message message, Exception exception) {
      failure = exception;
      window.release();
    }

    void receive(long sequence) {
      if (sequence >= sent) {
        invented.increment();
        return;
      }
      synchronized (received) {
        if (received.get((int) sequence)) duplicates.increment();
        else received.set((int) sequence);
      }
    }

    long countReceived() {
      synchronized (received) {
        return received.cardinality();
      }
    }
  }

  private static final List<Producer> producers = new ArrayList<>();

  private static void onMessage(Message message) {
    try {
      byte[] identity = new byte[16];
      ((BytesMessage) message).readBytes(identity);
      String text = new String(identity, StandardCharsets.US_ASCII);
      int producer = Integer.parseInt(text.substring(0, 4));
      producers.get(producer).receive(Long.parseLong(text.substring(5, 15)));
      consumed.increment();
    } catch (JMSException exception) {
      fail(exception);
    }
  }

  private static void fail(Exception exception) {
    System.err.println(exception);
    System.exit(1);
  }

  private static long confirmedInAll() {
    return producers.stream().mapToLong((producer) -> producer.confirmed.get()).sum();
  }

  private static long receivedInAll() {
    return producers.stream().mapToLong(Producer::countReceived).sum();
  }

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    String queueName = arguments[1];
    int clients = Integer.parseInt(arguments[2]);
    int windowSize = Integer.parseInt(arguments[3]);
    int bodyBytes = Integer.parseInt(arguments[4]);
    JmsConnectionFactory factory = new JmsConnectionFactory(url);
    factory.setExceptionListener((exception) -> fail(exception));
    List<Thread> threads = new ArrayList<>();
    List<Connection> connections = new ArrayList<>();
    for (int number = 0; number < clients; number += 1) producers.add(new Producer(number, windowSize));
    for (Producer producer : producers) {
      Connection receiving = factory.createConnection();
      connections.add(receiving);
      Session session = receiving.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer consumer = session.createConsumer(session.createQueue(queueName));
      consumer.setMessageListener(JmsLoad::onMessage);
      receiving.start();
      Connection sending = factory.createConnection();
      connections.add(sending);
      threads.add(
          new Thread(
              () -> {
                try {
                  producer.send(sending, queueName, bodyBytes);
                } catch (Exception exception) {
                  fail(exception);
                }
              }));
    }
    for (Thread thread : threads) thread.start();
    reportUntilInputEnds();
    for (Thread thread : threads) thread.join();
    waitUntilReceived();
    long confirmed = confirmedInAll();
    long received = receivedInAll();
    System.out.println(
        "end " + confirmed + " " + received + " " + duplicates.sum() + " " + invented.sum());
    for (Connection connection : connections) connection.close();
  }

  private static void reportUntilInputEnds() throws Exception {
    Thread input =
        new Thread(
            () -> {
              try {
                BufferedReader reader = new BufferedReader(new InputStreamReader(System.in));
                while (reader.readLine() != null) {}
              } catch (Exception exception) {
                fail(exception);
              }
              stopping = true;
            });
    input.setDaemon(true);
    input.start();
    while (!stopping) {
      Thread.sleep(REPORT_INTERVAL_MS);
      System.out.println(confirmedInAll() + " " + consumed.sum());
      for (Producer producer : producers) if (producer.failure != null) fail(producer.failure);
    }
  }

  private static void waitUntilReceived() throws Exception {
    long before = -1;
    long changedAtMs = System.currentTimeMillis();
    while (receivedInAll() < confirmedInAll()) {
      Thread.sleep(REPORT_INTERVAL_MS);
      long received = receivedInAll();
      if (received != before) changedAtMs = System.currentTimeMillis();
      else if (System.currentTimeMillis() - changedAtMs > IDLE_LIMIT_MS) return;
      before = received;
    }
  }
}
