import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import jakarta.jms.Connection;
import jakarta.jms.InvalidClientIDException;
import jakarta.jms.JMSException;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Queue;
import jakarta.jms.QueueBrowser;
import jakarta.jms.Session;
import jakarta.jms.TemporaryQueue;
import jakarta.jms.TemporaryTopic;
import jakarta.jms.TextMessage;
import jakarta.jms.Topic;
import org.apache.qpid.jms.JmsConnectionFactory;

/** What JMS has beyond queues, topics and transactions, step by step: each prints a line, and the test compares the lines. */
public final class JmsFeatures {
    private static final long WAIT_MS = 5_000;

    public static void main(String[] arguments) throws Exception {
        JmsConnectionFactory factory = new JmsConnectionFactory(arguments[0]);
        try (Connection connection = factory.createConnection()) {
            connection.start();
            select(connection);
            browse(connection);
            ask(connection);
            sendAnywhere(connection);
            publishTemporarily(connection);
            share(factory, connection);
            publishInTree(connection);
            delay(connection);
        }
        hearOthersOnly(factory);
        changeDurable(factory);
        // A failover URL would try again for ever.
        claimClientId(new JmsConnectionFactory(arguments[1]));
    }

    private static void select(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.selected");
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < 6; number++) {
            TextMessage message = session.createTextMessage("part " + number);
            message.setIntProperty("number", number);
            message.setStringProperty("color", number % 2 == 0 ? "red" : "blue");
            message.setJMSCorrelationID("c" + number);
            message.setJMSType("kind" + number);
            producer.setPriority(number);
            producer.send(message);
        }
        String[] selectors = {
            "color = 'red' AND number BETWEEN 1 AND 3",
            "JMSCorrelationID = 'c5'",
            "JMSType LIKE 'kind_' AND JMSPriority < 1",
            "color IN ('blue', 'green') AND missing IS NULL",
            "JMSDeliveryMode = 'PERSISTENT'",
        };
        for (String selector : selectors) {
            MessageConsumer consumer = session.createConsumer(queue, selector);
            System.out.println(selector + ": " + take(consumer));
            consumer.close();
        }
        session.close();
    }

    private static void browse(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.browsed");
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < 4; number++) {
            TextMessage message = session.createTextMessage("page " + number);
            message.setIntProperty("number", number);
            producer.send(message);
        }
        System.out.println("browsed: " + pages(session.createBrowser(queue)));
        System.out.println("browsed with a selector: " + pages(session.createBrowser(queue, "number > 1")));
        System.out.println("still there: " + take(session.createConsumer(queue)));
        System.out.println("browsed at last: " + pages(session.createBrowser(queue)));
        session.close();
    }

    private static List<String> pages(QueueBrowser browser) throws Exception {
        List<String> pages = new ArrayList<>();
        Enumeration<?> messages = browser.getEnumeration();
        while (messages.hasMoreElements()) pages.add(((TextMessage) messages.nextElement()).getText());
        browser.close();
        return pages;
    }

    private static void ask(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.questions");
        TemporaryQueue answers = session.createTemporaryQueue();
        TextMessage question = session.createTextMessage("what");
        question.setJMSReplyTo(answers);
        session.createProducer(queue).send(question);
        TextMessage asked = (TextMessage) session.createConsumer(queue).receive(WAIT_MS);
        TextMessage answer = session.createTextMessage("that");
        answer.setJMSCorrelationID(asked.getJMSMessageID());
        session.createProducer(asked.getJMSReplyTo()).send(answer);
        MessageConsumer consumer = session.createConsumer(answers);
        TextMessage answered = (TextMessage) consumer.receive(WAIT_MS);
        boolean isAnswer = question.getJMSMessageID().equals(answered.getJMSCorrelationID());
        System.out.println("answered: " + answered.getText() + " " + isAnswer);
        consumer.close();
        answers.delete();
        try {
            session.createProducer(asked.getJMSReplyTo()).send(answer);
            System.out.println("an answer to nobody was taken");
        } catch (JMSException error) {
            System.out.println("an answer to nobody: " + error.getClass().getSimpleName());
        }
        session.close();
    }

    /** As Spring's JmsTemplate does: one producer for all destinations. */
    private static void sendAnywhere(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageProducer anonymous = session.createProducer(null);
        Queue queue = session.createQueue("jms.anywhere");
        Topic topic = session.createTopic("jms.anywhere");
        MessageConsumer subscriber = session.createConsumer(topic);
        anonymous.send(queue, session.createTextMessage("to a queue"));
        anonymous.send(topic, session.createTextMessage("to a topic"));
        System.out.println("anonymous: " + take(session.createConsumer(queue)) + " " + take(subscriber));
        session.close();
    }

    private static void publishTemporarily(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        TemporaryTopic topic = session.createTemporaryTopic();
        MessageConsumer one = session.createConsumer(topic);
        MessageConsumer two = session.createConsumer(topic);
        session.createProducer(topic).send(session.createTextMessage("to all of us"));
        System.out.println("temporary topic: " + take(one) + " " + take(two));
        session.close();
    }

    private static void share(JmsConnectionFactory factory, Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Topic topic = session.createTopic("jms.shared");
        MessageConsumer one = session.createSharedConsumer(topic, "workers");
        MessageConsumer two = session.createSharedConsumer(topic, "workers");
        MessageConsumer kept = session.createSharedDurableConsumer(topic, "keepers");
        MessageProducer producer = session.createProducer(topic);
        for (int number = 0; number < 4; number++) producer.send(session.createTextMessage("job " + number));
        List<String> all = new ArrayList<>(take(one));
        boolean bothWorked = !all.isEmpty() && all.size() < 4;
        all.addAll(take(two));
        Collections.sort(all);
        System.out.println("shared: " + all + " " + bothWorked);
        System.out.println("shared and durable: " + take(kept));
        kept.close();
        producer.send(session.createTextMessage("while nobody was there"));
        try (Connection other = factory.createConnection()) {
            other.start();
            Session otherSession = other.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageConsumer again = otherSession.createSharedDurableConsumer(topic, "keepers");
            System.out.println("by another client: " + take(again));
            again.close();
            otherSession.unsubscribe("keepers");
        }
        session.close();
    }

    private static void publishInTree(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer consumer = session.createConsumer(session.createTopic("jms.news.uk.>"));
        MessageProducer producer = session.createProducer(null);
        producer.send(session.createTopic("jms.news.uk"), session.createTextMessage("uk"));
        producer.send(session.createTopic("jms.news.fr"), session.createTextMessage("fr"));
        producer.send(session.createTopic("jms.news.uk.sport"), session.createTextMessage("uk sport"));
        System.out.println("with wildcards: " + take(consumer));
        session.close();
    }

    private static void delay(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Queue queue = session.createQueue("jms.delayed");
        MessageConsumer consumer = session.createConsumer(queue);
        MessageProducer producer = session.createProducer(queue);
        producer.setDeliveryDelay(700);
        long sentMs = System.currentTimeMillis();
        producer.send(session.createTextMessage("later"));
        List<String> texts = take(consumer);
        System.out.println("delayed: " + (System.currentTimeMillis() - sentMs >= 700) + " " + texts);
        session.close();
    }

    private static void hearOthersOnly(JmsConnectionFactory factory) throws Exception {
        try (Connection own = factory.createConnection(); Connection other = factory.createConnection()) {
            own.start();
            other.start();
            Session session = own.createSession(false, Session.AUTO_ACKNOWLEDGE);
            Topic topic = session.createTopic("jms.local");
            MessageConsumer consumer = session.createConsumer(topic, null, true);
            session.createProducer(topic).send(session.createTextMessage("own"));
            Session otherSession = other.createSession(false, Session.AUTO_ACKNOWLEDGE);
            otherSession.createProducer(topic).send(otherSession.createTextMessage("foreign"));
            System.out.println("without its own: " + take(consumer));
        }
    }

    private static void changeDurable(JmsConnectionFactory factory) throws Exception {
        try (Connection connection = factory.createConnection()) {
            connection.setClientID("jms-features");
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            Topic topic = session.createTopic("jms.changing");
            session.createDurableSubscriber(topic, "changing", "number = 1", false).close();
            sendNumbers(session, topic);
            MessageConsumer same = session.createDurableSubscriber(topic, "changing", "number = 1", false);
            System.out.println("durable with a selector: " + take(same));
            sendNumbers(session, topic);
            same.close();
            MessageConsumer changed = session.createDurableSubscriber(topic, "changing", "number = 2", false);
            sendNumbers(session, topic);
            System.out.println("with another selector: " + take(changed));
            changed.close();
            session.unsubscribe("changing");
        }
    }

    private static void sendNumbers(Session session, Topic topic) throws Exception {
        MessageProducer producer = session.createProducer(topic);
        for (int number = 0; number < 4; number++) {
            TextMessage message = session.createTextMessage("number " + number);
            message.setIntProperty("number", number);
            producer.send(message);
        }
        producer.close();
    }

    private static void claimClientId(JmsConnectionFactory factory) throws Exception {
        try (Connection first = factory.createConnection(); Connection second = factory.createConnection()) {
            first.setClientID("claimed");
            try {
                second.setClientID("claimed");
                System.out.println("two connections have one client id");
            } catch (InvalidClientIDException expected) {
                System.out.println("client id: InvalidClientIDException");
            }
        }
    }

    /** At least one message, and what else is there: the last question is answered by the broker. */
    private static List<String> take(MessageConsumer consumer) throws Exception {
        List<String> texts = new ArrayList<>();
        TextMessage message = (TextMessage) consumer.receive(WAIT_MS);
        while (message != null) {
            texts.add(message.getText());
            message = (TextMessage) consumer.receiveNoWait();
        }
        return texts;
    }
}
