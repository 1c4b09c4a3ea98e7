#include "Arduino.h"
#include "PDM.h"

SerialStub Serial;
PdmStub PDM;

void SerialStub::begin(unsigned long) {}
int SerialStub::available() {
    return 1;
}
int SerialStub::read() {
    return 0;
}
size_t SerialStub::write(const uint8_t *, size_t n) {
    return n;
}
size_t SerialStub::println(const char *) {
    return 0;
}
int PdmStub::begin(int, int) {
    return 1;
}
void PdmStub::onReceive(void (*)()) {}
int PdmStub::available() {
    return 0;
}
int PdmStub::read(void *, size_t) {
    return 0;
}
unsigned long micros() {
    return 0;
}
void delay(unsigned long) {}
void interrupts() {}
void noInterrupts() {}

int main() {
    setup();
    for (;;) {
        loop();
    }
}
