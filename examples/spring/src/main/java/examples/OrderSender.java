package examples;

import org.springframework.jms.core.JmsTemplate;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

@Component
class OrderSender {
    private final JmsTemplate template;
    private int number = 0;

    OrderSender(JmsTemplate template) {
        this.template = template;
    }

    @Scheduled(fixedDelayString = "${orders.interval-ms}")
    void send() {
        number += 1;
        System.out.println("sent order " + number);
        // Returns when the order is on stable storage; while there is no live node, it waits for the next one.
        template.convertAndSend("spring.orders", "order " + number);
        System.out.println("confirmed order " + number);
    }
}
