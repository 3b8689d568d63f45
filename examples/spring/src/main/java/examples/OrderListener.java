package examples;

import org.springframework.jms.annotation.JmsListener;
import org.springframework.stereotype.Component;

@Component
class OrderListener {
    /** Spring Boot's sessions are transacted: an order for which this throws, or whose commit fails, comes again. */
    @JmsListener(destination = "spring.orders")
    void take(String order) {
        System.out.println("received " + order);
    }
}
