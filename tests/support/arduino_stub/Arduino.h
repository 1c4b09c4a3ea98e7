/* As much of Arduino's functions as the generated examples call; for tests that compile and link them. */
#ifndef ARDUINO_STUB_H
#define ARDUINO_STUB_H

#include <stddef.h>
#include <stdint.h>

struct SerialStub {
    void begin(unsigned long baud);
    int available();
    int read();
    size_t write(const uint8_t *data, size_t n);
    size_t println(const char *text);
};
extern SerialStub Serial;

unsigned long micros();
void delay(unsigned long ms);
void interrupts();
void noInterrupts();
void setup();
void loop();

#endif
