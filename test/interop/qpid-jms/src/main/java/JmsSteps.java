import java.util.ArrayList;
import java.util.List;
import jakarta.jms.Connection;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import jakarta.jms.Topic;
import jakarta.jms.TopicSubscriber;
import org.apache.qpid.jms.JmsConnectionFactory;

/** What a JMS application does, step by step: each prints a line, and the test compares the lines. */
public final class JmsSteps {
    private static final long WAIT_MS = 5_000;

    public static void main(String[] arguments) throws Exception {
        JmsConnectionFactory factory = new JmsConnectionFactory(arguments[0]);
        try (Connection connection = factory.createConnection()) {
            connection.start();
            sendAndReceive(connection);
            transact(connection);
            publish(connection);
        }
        subscribeDurably(factory);
    }

    private static void sendAndReceive(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.orders");
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < 3; number++) {
            TextMessage message = session.createTextMessage("order " + number);
            message.setIntProperty("number", number);
            message.setJMSCorrelationID("correlation");
            producer.send(message);
        }
        MessageConsumer consumer = session.createConsumer(queue);
        List<String> seen = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
            seen.add(message.getText() + "/" + message.getIntProperty("number") + "/" + message.getJMSRedelivered());
            message.acknowledge();
        }
        System.out.println("received " + seen);
        System.out.println("nothing more: " + consumer.receiveNoWait());
        session.close();
    }

    private static void transact(Connection connection) throws Exception {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        Queue queue = session.createQueue("jms.transacted");
        MessageProducer producer = session.createProducer(queue);
        producer.send(session.createTextMessage("rolled back"));
        session.rollback();
        producer.send(session.createTextMessage("committed"));
        session.commit();
        MessageConsumer consumer = session.createConsumer(queue);
        System.out.println("in a transaction: " + describe((TextMessage) consumer.receive(WAIT_MS)));
        session.rollback();
        System.out.println("after its rollback: " + describe((TextMessage) consumer.receive(WAIT_MS)));
        session.commit();
        System.out.println("after its commit: " + consumer.receiveNoWait());
        session.close();
    }

    private static void publish(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Topic topic = session.createTopic("jms.news");
        MessageConsumer one = session.createConsumer(topic);
        MessageConsumer other = session.createConsumer(topic);
        session.createProducer(topic).send(session.createTextMessage("to everybody"));
        for (MessageConsumer consumer : List.of(one, other)) {
            System.out.println("on a topic: " + ((TextMessage) consumer.receive(WAIT_MS)).getText());
        }
        session.close();
    }

    private static void subscribeDurably(JmsConnectionFactory factory) throws Exception {
        try (Connection connection = factory.createConnection()) {
            connection.setClientID("subscriber");
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            Topic topic = session.createTopic("jms.kept");
            session.createDurableSubscriber(topic, "kept").close();
            session.createProducer(topic).send(session.createTextMessage("while it was away"));
            TopicSubscriber subscriber = session.createDurableSubscriber(topic, "kept");
            System.out.println("durable: " + ((TextMessage) subscriber.receive(WAIT_MS)).getText());
            subscriber.close();
            Topic other = session.createTopic("jms.other");
            TopicSubscriber changed = session.createDurableSubscriber(other, "kept");
            session.createProducer(topic).send(session.createTextMessage("to the topic of before"));
            session.createProducer(other).send(session.createTextMessage("to another topic"));
            System.out.println("changed: " + ((TextMessage) changed.receive(WAIT_MS)).getText());
            changed.close();
            session.unsubscribe("kept");
            System.out.println("unsubscribed");
        }
    }

    private static String describe(TextMessage message) throws Exception {
        return message.getText() + " " + message.getJMSRedelivered() + " " + message.getIntProperty("JMSXDeliveryCount");
    }
}
