/** How urgent a message is: 0 to 9, the higher the earlier (JMSPriority in Jakarta Messaging; AMQP 1.0, part 3, 3.2.1). */

export const PRIORITIES = 10;
export const DEFAULT_PRIORITY = 4;
